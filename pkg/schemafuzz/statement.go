package schemafuzz

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// writer generates what users do. Its statements name rows by key, or as the first in a shuffled
// order, so that they nearly always find some, and users of all sites find the same ones.
type writer struct {
	r      *rand.Rand
	kinds  Kinds
	schema *Schema
	routes *Routing
	site   int
	count  int // of tokens
	number int // of transactions
}

// transaction generates one transaction at a site.
func (w *writer) transaction(site int) Transaction {
	x := w.begin(site)
	x.Rollback = w.r.IntN(12) == 0
	if w.kinds.Has(Holds) && w.r.IntN(8) == 0 {
		x.Hold = time.Duration(100+w.r.IntN(500)) * time.Millisecond
	}
	if w.kinds.Has(Unchecked) && w.r.IntN(8) == 0 {
		w.unchecked(&x)
		return x
	}
	for range 1 + chance(w.r, 2)*w.r.IntN(4) {
		t := w.table()
		w.step(&x, t)
	}
	return x
}

// fill generates the first rows of each table.
func (w *writer) fill(site int) []Transaction {
	var list []Transaction
	for _, t := range w.schema.Tables {
		x := w.begin(site)
		x.touch(w.schema, t)
		for range 4 {
			x.add(w.insert("INSERT", t, nil))
		}
		list = append(list, x)
	}
	return list
}

// begin makes a transaction that does nothing yet.
func (w *writer) begin(site int) Transaction {
	w.site = site
	w.number++
	return Transaction{Name: fmt.Sprintf("%d at %s", w.number, siteName(site))}
}

// table favours the first ones: without rows there, the others have none.
func (w *writer) table() *Table {
	tables := w.schema.Tables
	if w.seesPart() {
		tables = w.routes.Tables
	}
	n := len(tables)
	return tables[min(w.r.IntN(n), w.r.IntN(n+1))]
}

// seesPart reports whether the site has only some rows. Its users write no other tables: a row there may be the parent of rows that
// they do not see.
func (w *writer) seesPart() bool { return w.routes != nil && w.site > 0 }

// step adds to a transaction something that a user would do to a table.
func (w *writer) step(x *Transaction, t *Table) {
	x.touch(w.schema, t)
	switch n := w.r.IntN(20); {
	case n < 6:
		for range 1 + chance(w.r, 2)*w.r.IntN(4) {
			x.add(w.insert("INSERT", t, nil))
		}
	case n < 9:
		x.add(w.update(t))
	case n < 11:
		w.rekey(x, t)
	case n < 13:
		w.repoint(x, t)
	case n < 14:
		w.moveAndDelete(x, t)
	case n < 15:
		x.add(w.delete(t))
	case n < 16:
		x.add(w.insert("REPLACE", t, nil))
	case n < 18:
		x.add(w.insert("INSERT", t, nil) + " ON DUPLICATE KEY UPDATE " + strings.Join(w.settings(t), ", "))
	case n < 19:
		w.swap(x, t)
	default:
		w.bulk(x, t)
	}
}

func (x *Transaction) add(q string) { x.Statements = append(x.Statements, q) }

// touch notes that a table is written, and those with it that refer to it.
func (x *Transaction) touch(s *Schema, t *Table) {
	if slices.Contains(x.Tables, t) {
		return
	}
	x.Tables = append(x.Tables, t)
	for _, child := range s.Tables {
		if slices.ContainsFunc(child.ForeignKeys, func(f ForeignKey) bool { return f.Parent == t }) {
			x.touch(s, child)
		}
	}
}

// token is a value of tok that no other statement writes.
func (w *writer) token() string {
	w.count++
	return fmt.Sprintf("'%s.%d'", siteName(w.site)[5:], w.count)
}

// retoken sets tok of each row of a statement to a value that no other row gets.
func (w *writer) retoken(t *Table) string {
	w.count++
	return fmt.Sprintf("%s.tok = CONCAT('%s.%d.', LEFT(SHA2(%s.tok, 256), 12))", t.Name, siteName(w.site)[5:], w.count, t.Name)
}

// value generates a value of a column.
func (w *writer) value(t *Table, at int) string {
	c := t.Columns[at]
	if c.Null && w.r.IntN(4) == 0 {
		return "NULL"
	}
	v := pick(w.r, c.Type.values)
	switch {
	case len(c.Type.spelt) > 0 && w.r.IntN(3) == 0:
		v = pick(w.r, c.Type.spelt)
	case c.Name == "u" && w.r.IntN(4) > 0: // each site has some unique values of its own
		v = "'" + siteName(w.site)[5:] + strings.TrimPrefix(v, "'")
	}
	return v
}

// mixed is an order of a table's rows that is the same at all sites.
func (w *writer) mixed(t *Table) string {
	var parts []string
	for _, at := range t.Key {
		name := t.Columns[at].Name
		if strings.HasPrefix(t.Columns[at].Type.sql, "DECIMAL") { // too large for HEX as a number
			name = "CONCAT(" + name + ")"
		}
		parts = append(parts, "HEX("+name+")")
	}
	return fmt.Sprintf("ORDER BY SHA2(CONCAT_WS(',', %s, '%d'), 256), %s", strings.Join(parts, ", "), w.r.IntN(4), t.list(t.Key))
}

// insert generates a row and returns the statement that writes it; verb is INSERT or REPLACE.
// Columns in fixed have these values. Those of other foreign keys are NULL, an existing row, or
// anything.
func (w *writer) insert(verb string, t *Table, fixed map[int]string) string {
	values, from := w.row(t, fixed)
	return fmt.Sprintf("%s INTO %s (%s, n, tok) SELECT %s, %d, %s FROM %s", verb, t.Name, t.columns(),
		strings.Join(values, ", "), w.r.IntN(100), w.token(), from)
}

// row generates the values of a row, and the tables that they come from.
func (w *writer) row(t *Table, fixed map[int]string) (values []string, from string) {
	values, from = make([]string, len(t.Columns)), "(SELECT 1) one"
	for i, f := range t.ForeignKeys {
		if _, done := fixed[f.Columns[0]]; done {
			continue
		}
		null := t.Columns[f.Columns[0]].Null
		switch n := w.r.IntN(8); {
		case null && (n < 2 || f.Parent == t && n < 5):
			for _, at := range f.Columns {
				values[at] = "NULL"
			}
		case n < 7:
			from += fmt.Sprintf(", (SELECT %s FROM %s %s LIMIT 1) p%d", f.Parent.list(f.Parent.Key), f.Parent.Name, w.mixed(f.Parent), i)
			for part, at := range f.Columns {
				values[at] = fmt.Sprintf("p%d.%s", i, f.Parent.Columns[f.Parent.Key[part]].Name)
			}
		}
	}
	w.complete(t, values, fixed)
	return values, from
}

// complete sets the fixed values and generates the missing ones.
func (w *writer) complete(t *Table, values []string, fixed map[int]string) {
	for at := range values {
		if v, ok := fixed[at]; ok {
			values[at] = v
		} else if values[at] == "" {
			values[at] = w.value(t, at)
		}
	}
}

// columns returns the names of all columns that have a place.
func (t *Table) columns() string {
	var all []int
	for at := range t.Columns {
		all = append(all, at)
	}
	return t.list(all)
}

// settings are assignments of an update that changes no key.
func (w *writer) settings(t *Table) []string {
	list := []string{w.retoken(t), fmt.Sprintf("%s.n = %d", t.Name, w.r.IntN(100))}
	for at, c := range t.Columns {
		if strings.HasPrefix(c.Name, "d") && w.r.IntN(2) == 0 || c.Name == "u" && w.r.IntN(3) == 0 {
			list = append(list, t.Name+"."+c.Name+" = "+w.value(t, at))
		}
	}
	return list
}

// update changes one row, some or all.
func (w *writer) update(t *Table) string {
	q := fmt.Sprintf("UPDATE %s SET %s", t.Name, strings.Join(w.settings(t), ", "))
	switch w.r.IntN(4) {
	case 0:
		return fmt.Sprintf("%s WHERE n %% 3 = %d", q, w.r.IntN(3))
	case 1:
		return fmt.Sprintf("%s %s LIMIT %d", q, w.mixed(t), 1+w.r.IntN(3))
	default:
		return fmt.Sprintf("%s %s LIMIT 1", q, w.mixed(t))
	}
}

// rekey changes a column of a row's key, and with it the foreign keys of its children where they cascade.
func (w *writer) rekey(x *Transaction, t *Table) {
	if !w.kinds.Has(Rekeys) {
		x.add(w.update(t))
		return
	}
	at := pick(w.r, t.Key)
	x.add(fmt.Sprintf("UPDATE %s SET %s, %s = %s %s LIMIT 1", t.Name, w.retoken(t), t.Columns[at].Name, w.value(t, at), w.mixed(t)))
}

// repoint makes rows refer to another existing parent.
func (w *writer) repoint(x *Transaction, t *Table) {
	if len(t.ForeignKeys) == 0 {
		x.add(w.update(t))
		return
	}
	f := pick(w.r, t.ForeignKeys)
	if !w.kinds.Has(Rekeys) && slices.ContainsFunc(f.Columns, func(at int) bool { return slices.Contains(t.Key, at) }) {
		x.add(w.update(t))
		return
	}
	x.touch(w.schema, t)
	x.add(fmt.Sprintf("UPDATE %s, (SELECT %s FROM %s %s LIMIT 1) x, (SELECT %s FROM %s %s LIMIT %d) y SET %s, %s WHERE %s", t.Name,
		f.Parent.list(f.Parent.Key), f.Parent.Name, w.mixed(f.Parent),
		t.list(t.Key), t.Name, w.mixed(t), 1+w.r.IntN(3),
		w.retoken(t), t.pairs(f.Columns, "x", f.Parent, f.Parent.Key, ", "), t.pairs(t.Key, "y", t, t.Key, " AND ")))
}

// pairs equates columns of a table with those of another, which has an alias.
func (t *Table) pairs(columns []int, alias string, other *Table, others []int, between string) string {
	var list []string
	for i, at := range columns {
		list = append(list, fmt.Sprintf("%s.%s = %s.%s", t.Name, t.Columns[at].Name, alias, other.Columns[others[i]].Name))
	}
	return strings.Join(list, between)
}

// moveAndDelete makes the children of a row refer to another one, then deletes the first.
func (w *writer) moveAndDelete(x *Transaction, t *Table) {
	if len(t.ForeignKeys) == 0 {
		x.add(w.delete(t))
		return
	}
	f := pick(w.r, t.ForeignKeys)
	if w.seesPart() && !w.routes.has(f.Parent) {
		x.add(w.delete(t))
		return
	}
	p, order := f.Parent, w.mixed(f.Parent)
	x.touch(w.schema, p)
	x.Strict = true // the delete alone is a different case
	x.add(fmt.Sprintf("UPDATE %s, (SELECT %s FROM %s %s LIMIT 1) x, (SELECT %s FROM %s %s LIMIT 1 OFFSET 1) y SET %s, %s WHERE %s", t.Name,
		p.list(p.Key), p.Name, order, p.list(p.Key), p.Name, order,
		w.retoken(t), t.pairs(f.Columns, "y", p, p.Key, ", "), t.pairs(f.Columns, "x", p, p.Key, " AND ")))
	x.add(fmt.Sprintf("DELETE FROM %s %s LIMIT 1", p.Name, order))
}

// delete deletes a row or two.
func (w *writer) delete(t *Table) string {
	return fmt.Sprintf("DELETE FROM %s %s LIMIT %d", t.Name, w.mixed(t), 1+chance(w.r, 3))
}

// swap exchanges the unique values of two rows.
func (w *writer) swap(x *Transaction, t *Table) {
	if len(t.Uniques) == 0 {
		x.add(w.update(t))
		return
	}
	order := w.mixed(t)
	x.Strict = true
	x.add(fmt.Sprintf("SET @a = (SELECT u FROM %[1]s %[2]s LIMIT 1), @b = (SELECT u FROM %[1]s %[2]s LIMIT 1 OFFSET 1)", t.Name, order))
	x.add(fmt.Sprintf("UPDATE %s SET %s, u = CONCAT('-', @a, @b) %s LIMIT 1", t.Name, w.retoken(t), order))
	x.add(fmt.Sprintf("UPDATE %s, (SELECT %s FROM %s %s LIMIT 1 OFFSET 1) y SET %s, u = @a WHERE %s", t.Name, t.list(t.Key), t.Name, order,
		w.retoken(t), t.pairs(t.Key, "y", t, t.Key, " AND ")))
	x.add(fmt.Sprintf("UPDATE %s SET %s, u = @b %s LIMIT 1", t.Name, w.retoken(t), order))
}

// digits is a table of ten rows.
const digits = "(SELECT 0 i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4" +
	" UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"

// bulk writes more rows than go in one message.
func (w *writer) bulk(x *Transaction, t *Table) {
	at := slices.IndexFunc(t.Columns, func(c Column) bool {
		return strings.HasPrefix(c.Name, "k") && (c.Type.sql == "INT" || c.Type.sql == "BIGINT")
	})
	if !w.kinds.Has(Bulk) || at < 0 || len(t.Uniques) > 0 {
		x.add(w.update(t))
		return
	}
	const number = "c.i * 100 + d.i * 10 + e.i"
	values, from := w.row(t, map[int]string{at: "1000 + " + number})
	x.add(fmt.Sprintf("INSERT INTO %s (%s, n, tok) SELECT %s, %d, CONCAT(%s, '.', %s) FROM %s, %s c, %s d, %s e WHERE c.i < %d",
		t.Name, t.columns(), strings.Join(values, ", "), w.r.IntN(100), w.token(), number, from, digits, digits, digits, 3+w.r.IntN(7)))
}
