package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// maxWeights is how many texts one statement has the server weigh.
const maxWeights = 500

// emptyID is the ID of the empty text if other texts are equal to it.
const emptyID = "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c"

// Identify gives rows the IDs under which the own tables know them, so that all spellings of a row share one: 'bob' and
// 'Bob' if the column's collation treats them as equal. Only the server knows its collations; it is asked once for all
// rows, and only if a table's key has such a column. Rows of a table that does not exist, and keys that are not the
// table's, stay as they are.
func (ts *Tables) Identify(ctx context.Context, rows []change.Row) error {
	byTable := map[string][]int{}
	for i := range rows {
		byTable[rows[i].Table] = append(byTable[rows[i].Table], i)
	}
	for name, at := range byTable {
		t, err := ts.Table(ctx, name)
		if err != nil {
			if ctx.Err() != nil || mysqldb.Transient(err) {
				return err
			}
			continue
		}
		if err := t.identify(ctx, ts.db, rows, at); err != nil {
			return err
		}
	}
	return nil
}

// Identify gives rows of the table their IDs, as Tables.Identify does.
func (t *Table) Identify(ctx context.Context, db mysqldb.Queryer, rows []change.Row) error {
	at := make([]int, len(rows))
	for i := range rows {
		at[i] = i
	}
	return t.identify(ctx, db, rows, at)
}

// Wanted maps keys as they were found to the rows that were looked for: a row that is spelled differently is recognized
// by its ID.
func (t *Table) Wanted(ctx context.Context, db mysqldb.Queryer, rows []change.Row, found []string) (map[string]change.Row, error) {
	wanted := make(map[string]change.Row, len(rows))
	for _, r := range rows {
		wanted[r.Key] = r
	}
	if t.Spelling() == value.Exact {
		return wanted, nil
	}
	var others []change.Row
	for _, key := range found {
		if _, ok := wanted[key]; !ok {
			others = append(others, change.Row{Table: t.Name, Key: key})
		}
	}
	if len(others) == 0 {
		return wanted, nil
	}
	if err := t.Identify(ctx, db, others); err != nil {
		return nil, err
	}
	byID := make(map[string]change.Row, len(rows))
	for _, r := range rows {
		byID[r.ID()] = r
	}
	for _, o := range others {
		if r, ok := byID[o.ID()]; ok {
			wanted[o.Key] = r
		}
	}
	return wanted, nil
}

// Spelling returns how spellings of the table's rows may differ.
func (t *Table) Spelling() value.Spelling {
	most := value.Exact
	for _, k := range t.Key {
		most = max(most, t.Columns[k].Spelling())
	}
	return most
}

// SpellingForm names the rules by which the table's rows are told apart; empty: by the bytes of their keys.
func (t *Table) SpellingForm() string {
	if t.Spelling() == value.Exact {
		return ""
	}
	rules := make([]string, len(t.Key))
	for i, k := range t.Key {
		if c := &t.Columns[k]; c.Spelling() != value.Exact {
			rules[i] = c.Collation
		}
	}
	return strings.Join(rules, ",")
}

// identify gives the rows at the given places their IDs.
func (t *Table) identify(ctx context.Context, db mysqldb.Queryer, rows []change.Row, at []int) error {
	if t.Spelling() == value.Exact {
		return nil
	}
	ids := make([][][]byte, 0, len(at)) // the parts of each
	var folded []*[]byte                // the parts that are weighed
	var columns []*value.Column         // of folded
	fitting := at[:0:0]
	for _, i := range at {
		parts, err := value.SplitKey([]byte(rows[i].Key), len(t.Key))
		if err != nil {
			continue // the table's primary key has changed
		}
		for p := range parts {
			c := &t.Columns[t.Key[p]]
			switch c.Spelling() {
			case value.Padded:
				parts[p] = []byte(strings.TrimRight(string(parts[p]), " "))
			case value.Folded:
				folded, columns = append(folded, &parts[p]), append(columns, c)
			}
		}
		ids, fitting = append(ids, parts), append(fitting, i)
	}
	if err := weigh(ctx, db, columns, folded); err != nil {
		return fmt.Errorf("identify rows of %s: %w", t.Name, err)
	}
	for n, i := range fitting {
		id := change.Short(string(value.JoinKey(ids[n])))
		if id == "" {
			id = emptyID
		}
		rows[i] = rows[i].WithID(id)
	}
	return nil
}

// weigh replaces texts with their weights. In composite keys many rows share a text, which is weighed once.
func weigh(ctx context.Context, db mysqldb.Queryer, columns []*value.Column, places []*[]byte) error {
	type text struct {
		of   *value.Column
		text string
	}
	at := map[text]int{}
	var different []text
	which := make([]int, len(places))
	for i, p := range places {
		x := text{columns[i], string(*p)}
		n, ok := at[x]
		if !ok {
			n = len(different)
			at[x] = n
			different = append(different, x)
		}
		which[i] = n
	}
	weights := make([][]byte, len(different))
	for from := 0; from < len(different); from += maxWeights {
		end := min(from+maxWeights, len(different))
		var q mysqldb.Statement
		var into []any
		between := "SELECT "
		for i, x := range different[from:end] {
			before, after, _ := strings.Cut(x.of.Weight("\x00"), "\x00")
			q.SQL(between + before)
			q.Text([]byte(x.text))
			q.SQL(after)
			between = ","
			into = append(into, &weights[from+i])
		}
		if err := q.Query(ctx, db, func(r *sql.Rows) error { return r.Scan(into...) }); err != nil {
			return err
		}
	}
	for i, p := range places {
		*p = weights[which[i]]
	}
	return nil
}
