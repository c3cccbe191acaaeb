package schemafuzz

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Schema is tables in an order in which each comes after those it refers to, except in rings.
type Schema struct {
	Tables []*Table
}

// Table is a table. Besides its columns it has tok, by which the Ledger identifies a write, and n, on which nothing
// depends.
type Table struct {
	Name        string
	Columns     []Column
	Key         []int   // places of the primary key's columns
	Uniques     [][]int // of each unique key
	ForeignKeys []ForeignKey
	Generated   string // the definition of a generated column; empty: none
}

// Column is a column.
type Column struct {
	Name string
	Null bool
	Type columnType
}

// ForeignKey refers to the primary key of a table.
type ForeignKey struct {
	Name     string
	Columns  []int
	Parent   *Table
	OnDelete string
	OnUpdate string
	Late     bool // the parent comes after its child: the key is added once both exist
}

// newSchema generates some tables.
func newSchema(r *rand.Rand, k Kinds) *Schema {
	s := &Schema{}
	for i := range 3 + r.IntN(4) {
		s.Tables = append(s.Tables, s.newTable(r, k, i))
	}
	if k.Has(Parents|Rings) && r.IntN(3) == 0 {
		s.close(r, k)
	}
	return s
}

func (s *Schema) newTable(r *rand.Rand, k Kinds, number int) *Table {
	t := &Table{Name: fmt.Sprintf("t%d", number)}
	parts := 1 + chance(r, 3) + chance(r, 6)
	inherits := -1 // the parent's part of the key
	if k.Has(Parents) && number > 0 && r.IntN(3) == 0 {
		inherits = r.IntN(parts)
	}
	for part := range parts {
		if part == inherits {
			t.Key = append(t.Key, t.refer(r, k, s.Tables[r.IntN(number)], false)...)
			continue
		}
		t.Key = append(t.Key, t.add(Column{Name: fmt.Sprintf("k%d", part), Type: keyType(r, k)}))
	}
	if parts > 1 && r.IntN(2) == 0 {
		slices.Reverse(t.Key) // not the order of the columns
	}
	for range r.IntN(3) {
		switch {
		case !k.Has(Parents):
		case number > 0 && r.IntN(4) > 0:
			t.refer(r, k, s.Tables[r.IntN(number)], true)
		case k.Has(Selves):
			t.refer(r, k, t, true)
		}
	}
	for i := range r.IntN(3) {
		t.add(Column{Name: fmt.Sprintf("d%d", i), Null: true, Type: pick(r, dataTypes)})
	}
	if k.Has(Uniques) && r.IntN(2) == 0 {
		t.unique(r)
	}
	if k.Has(Generated) && r.IntN(3) == 0 {
		t.Generated = pick(r, []string{"g INT AS (n * 2) VIRTUAL", "g INT AS (n + 1) STORED", "g VARCHAR(80) AS (CONCAT(tok, '!')) VIRTUAL"})
	}
	return t
}

// add adds a column and returns its place.
func (t *Table) add(c Column) int {
	t.Columns = append(t.Columns, c)
	return len(t.Columns) - 1
}

// refer adds a foreign key, with columns of its own, and returns their places. A free one is not part of the child's
// key.
func (t *Table) refer(r *rand.Rand, k Kinds, parent *Table, free bool) []int {
	f := ForeignKey{Name: fmt.Sprintf("%s_f%d", t.Name, len(t.ForeignKeys)), Parent: parent}
	null := free && (parent == t || r.IntN(2) == 0)
	for i, at := range parent.Key {
		f.Columns = append(f.Columns, t.add(Column{Name: fmt.Sprintf("f%d_%d", len(t.ForeignKeys), i), Null: null, Type: parent.Columns[at].Type}))
	}
	f.OnDelete, f.OnUpdate = action(r, k, null), action(r, k, null)
	if parent == t && f.OnUpdate != "RESTRICT" {
		f.OnUpdate = "NO ACTION" // InnoDB accepts no other here
	}
	t.ForeignKeys = append(t.ForeignKeys, f)
	return f.Columns
}

// action picks what happens to a child.
func action(r *rand.Rand, k Kinds, null bool) string {
	switch n := r.IntN(10); {
	case !k.Has(Cascades) || n < 1:
		return "RESTRICT"
	case n < 2:
		return "NO ACTION"
	case n < 5 && null:
		return "SET NULL"
	default:
		return "CASCADE"
	}
}

// unique adds a unique key over a column u of its own, and perhaps a foreign key's.
func (t *Table) unique(r *rand.Rand) {
	values := columnType{sql: "VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"}
	for i := range 6 {
		values.values = append(values.values, fmt.Sprintf("'u%d'", i))
	}
	key := []int{t.add(Column{Name: "u", Null: r.IntN(3) == 0, Type: values})}
	if len(t.ForeignKeys) > 0 && r.IntN(3) == 0 {
		key = append(key, pick(r, t.ForeignKeys).Columns[0])
	}
	if r.IntN(2) == 0 {
		slices.Reverse(key)
	}
	t.Uniques = append(t.Uniques, key)
}

// close makes a ring of two tables. Its keys do not cascade: cascading rings are not followed.
func (s *Schema) close(r *rand.Rand, k Kinds) {
	for _, child := range s.Tables {
		for i, f := range child.ForeignKeys {
			if f.Parent == child || f.Late {
				continue
			}
			at := len(f.Parent.ForeignKeys)
			f.Parent.refer(r, 0, child, true)
			back := &f.Parent.ForeignKeys[at]
			back.Late = true
			for _, c := range back.Columns {
				f.Parent.Columns[c].Null = !k.Has(NotNull) || r.IntN(2) == 0
			}
			child.ForeignKeys[i].OnDelete, child.ForeignKeys[i].OnUpdate = "RESTRICT", "RESTRICT"
			return
		}
	}
}

// keyType picks the type of a key's column.
func keyType(r *rand.Rand, k Kinds) columnType {
	if !k.Has(Types) || r.IntN(3) == 0 {
		return pick(r, plainKeys)
	}
	t := pick(r, keyTypes)
	if !k.Has(Spellings) {
		t.spelt = nil
	}
	return t
}

// pick returns one of the given values.
func pick[T any](r *rand.Rand, some []T) T { return some[r.IntN(len(some))] }

// chance is 1 one time in n, else 0.
func chance(r *rand.Rand, n int) int {
	if r.IntN(n) == 0 {
		return 1
	}
	return 0
}
