package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// referMost is how many rows that refer to one row are looked for, and looksMost how
// many rows one statement looks at.
const (
	referMost = 2000
	looksMost = 500
)

// rekeyed reports whether foreign keys refer to other columns of a table than its
// primary key. An update may change those, which the key does not show.
func rekeyed(t *schema.Table) bool {
	return slices.ContainsFunc(t.Referrers, func(f schema.ForeignKey) bool { return !ofKey(t, f) })
}

// ofKey reports whether a foreign key refers to columns of the primary key alone.
func ofKey(t *schema.Table, f schema.ForeignKey) bool {
	return !slices.ContainsFunc(f.RefColumns, func(name string) bool { return !slices.Contains(t.Key, t.Index(name)) })
}

// qualified returns a table's quoted name with its schema.
func qualified(schema, table string) string {
	return mysqldb.Quote(schema) + "." + mysqldb.Quote(table)
}

// referred reports whether any row refers to one of those that are about to be deleted.
// These are locked, and nobody can begin to refer to them: an insert waits for the lock
// of its parent. It costs a statement a foreign key.
func referred(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) (bool, error) {
	for _, f := range t.Referrers {
		for part := range slices.Chunk(steps, looksMost) {
			var q mysqldb.Statement
			for i, s := range part {
				v, err := keyTuple(t, s.in.Key, f.RefColumns)
				if err != nil {
					return false, err
				}
				switch {
				case len(f.Columns) > 1 && i == 0:
					q.SQL("(SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE ")
				case len(f.Columns) > 1:
					q.SQL(" LIMIT 1) UNION ALL (SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE ")
				case i == 0:
					q.SQL("SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE " + mysqldb.Quote(f.Columns[0]) + " IN (")
				default:
					q.SQL(",")
				}
				if len(f.Columns) > 1 {
					addTuple(&q, "", f.Columns, f.RefColumns, t, v)
					continue
				}
				c, _ := t.Column(f.RefColumns[0])
				schema.AddOperand(&q, c, v[0])
			}
			if len(f.Columns) > 1 {
				q.SQL(" LIMIT 1) LIMIT 1")
			} else {
				q.SQL(") LIMIT 1")
			}
			found := false
			if err := q.Query(ctx, tx, func(*sql.Rows) error { found = true; return nil }); err != nil {
				return false, fmt.Errorf("look for rows of %s that refer to %s: %w", f.Table, t.Name, err)
			}
			if found {
				return true, nil
			}
		}
	}
	return false, nil
}

// keyTuple returns what a row has in columns of its key.
func keyTuple(t *schema.Table, key string, columns []string) (tuple, error) {
	values, err := t.KeyValues(key)
	if err != nil {
		return nil, err
	}
	v := make(tuple, len(columns))
	for i, name := range columns {
		v[i] = values[slices.Index(t.Key, t.Index(name))]
	}
	return v, nil
}

// parentless looks for the parents of the rows that a group has written, and locks
// them as the server does. Rows whose parents are not there are barred; where a parent
// has gone in the same transaction, its delete is.
func (a *Applier) parentless(ctx context.Context, tx mysqldb.Tx, groups []*group, g *group) error {
	steps := pick(g, (*Step).puts)
	if len(steps) == 0 || len(g.table.ForeignKeys) == 0 {
		return nil
	}
	var b barred
	for _, f := range g.table.ForeignKeys {
		refers, err := g.refersTo(ctx, tx, f, steps)
		if err != nil {
			return err
		}
		missing, err := absent(ctx, tx, g.table, f, refers)
		if err != nil {
			return err
		}
		refer := map[*Step][]change.Row{}
		for _, r := range missing {
			w := a.waitForParent(ctx, g.table, r, f)
			if err := a.tables.Identify(ctx, w.needs); err != nil {
				return err
			}
			if s := deleted(groups, w.needs[0]); s != nil {
				refer[s] = append(refer[s], change.Row{Table: g.table.Name, Key: r.key})
			} else if err := g.waits(ctx, tx, &b, r.key, w); err != nil {
				return err
			}
		}
		for _, parent := range groups {
			for i := range parent.steps {
				s := &parent.steps[i]
				if refer[s] == nil {
					continue
				}
				if err := a.bar(ctx, tx, &b, parent, s, f, &Wait{refer: refer[s]}); err != nil {
					return err
				}
			}
		}
	}
	return b.or()
}

// waits has the change wait that wrote the row with a key.
func (g *group) waits(ctx context.Context, tx mysqldb.Tx, b *barred, key string, w *Wait) error {
	i := slices.IndexFunc(g.in, func(in *Incoming) bool { return in.Key == key })
	if i >= 0 {
		b.add(g.in[i].Row, w)
		return nil
	}
	found := []change.Row{{Table: g.table.Name, Key: key}} // spelled otherwise
	if err := g.table.Identify(ctx, tx, found); err != nil {
		return err
	}
	i = slices.IndexFunc(g.in, func(in *Incoming) bool { return in.Identity() == found[0].Identity() })
	if i < 0 {
		return fmt.Errorf("%w: a row of %s was written under another key", errTied, g.table.Name)
	}
	b.add(g.in[i].Row, w)
	return nil
}

// deleted returns the step that deletes a row, if there is one.
func deleted(groups []*group, r change.Row) *Step {
	for _, g := range groups {
		if g.table.Name != r.Table {
			continue
		}
		for i := range g.steps {
			if s := &g.steps[i]; s.in.Identity() == r.Identity() && s.Decision.Writes() && s.deletes() {
				return s
			}
		}
	}
	return nil
}

// reference is what a row refers to.
type reference struct {
	key   string // of the row that refers
	value tuple
}

// refersTo returns what the written rows refer to by a foreign key, as the server has
// stored it.
func (g *group) refersTo(ctx context.Context, tx mysqldb.Tx, f schema.ForeignKey, steps []*Step) ([]reference, error) {
	var list []reference
	for part := range slices.Chunk(steps, looksMost) {
		var q mysqldb.Statement
		q.SQL("SELECT " + g.table.KeyExpr(""))
		for _, name := range f.Columns {
			c, ok := g.table.Column(name)
			if !ok {
				return nil, nil // the server computes it
			}
			q.SQL(", " + c.SelectExpr(mysqldb.Quote(name)))
		}
		q.SQL(" FROM " + mysqldb.Quote(g.table.Name) + " WHERE (")
		if err := g.table.AddKeys(&q, stepKeys(part)); err != nil {
			return nil, err
		}
		q.SQL(")")
		for _, name := range f.Columns {
			q.SQL(" AND " + mysqldb.Quote(name) + " IS NOT NULL")
		}
		err := q.Query(ctx, tx, func(r *sql.Rows) error {
			ref := reference{value: make(tuple, len(f.Columns))}
			into := []any{&ref.key}
			for i := range ref.value {
				into = append(into, &ref.value[i])
			}
			err := r.Scan(into...)
			list = append(list, ref)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look at the foreign key %s of %s: %w", f.Name, g.table.Name, err)
		}
	}
	return list, nil
}

// absent returns those of the references whose parents are not there. The others'
// parents are locked, so that nobody deletes them before the end of the transaction.
func absent(ctx context.Context, tx mysqldb.Tx, t *schema.Table, f schema.ForeignKey, refs []reference) ([]reference, error) {
	var different []tuple
	at := make(map[string]int, len(refs))
	place := make([]int, len(refs)) // of each reference's parent in different
	for i, r := range refs {
		text := string(text(r.value))
		if _, ok := at[text]; !ok {
			at[text] = len(different)
			different = append(different, r.value)
		}
		place[i] = at[text]
	}
	there := make([]bool, len(different))
	for from := 0; from < len(different); from += looksMost {
		var q mysqldb.Statement
		for i, v := range different[from:min(from+looksMost, len(different))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT " + strconv.Itoa(from+i) + " FROM " + qualified(f.RefSchema, f.RefTable) + " WHERE ")
			addTuple(&q, "", f.RefColumns, f.Columns, t, v)
			q.SQL(" LIMIT 1 LOCK IN SHARE MODE)")
		}
		err := q.Query(ctx, tx, func(r *sql.Rows) error {
			var i int
			err := r.Scan(&i)
			there[i] = err == nil
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for what rows of %s refer to in %s: %w", t.Name, f.RefTable, err)
		}
	}
	var missing []reference
	for i, r := range refs {
		if !there[place[i]] {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// waitForParent says that a row waits for the row that it refers to.
func (a *Applier) waitForParent(ctx context.Context, t *schema.Table, r reference, f schema.ForeignKey) *Wait {
	need := change.Row{Table: f.RefTable}
	shown := make([]string, len(f.Columns))
	for i, name := range f.Columns {
		shown[i] = fmt.Sprintf("%s %.40q", name, r.value[i])
	}
	if p, err := a.tables.Table(ctx, f.RefTable); err == nil && f.RefSchema == f.Schema {
		if key, err := p.KeyOf(f.RefColumns, r.value); err == nil {
			need.Key = key
		}
	}
	return &Wait{
		text:  fmt.Sprintf("waits for the row of %s that it refers to (%s, foreign key %s)", f.RefTable, strings.Join(shown, ", "), f.Name),
		needs: []change.Row{need},
	}
}

// left looks for rows that would be left without the parents that groups have deleted
// or given other values. Changes that would leave some are barred: what their origin
// did to those rows is on its way. Where it is not, as was found out by asking, the
// change is decided.
func (a *Applier) left(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	var b barred
	for _, g := range groups {
		for _, f := range g.table.Referrers {
			gone, err := g.gone(f)
			if err != nil {
				return err
			}
			held, err := a.holders(ctx, tx, g.table, f, gone)
			if err != nil {
				return err
			}
			for i, w := range held {
				if err := a.bar(ctx, tx, &b, g, gone[i].step, f, w); err != nil {
					return err
				}
			}
		}
	}
	return b.or()
}

// former is a row that is not any more what others may refer to.
type former struct {
	step  *Step
	value tuple
}

// gone returns the rows that a group has deleted, or given other values in the columns
// that a foreign key refers to.
func (g *group) gone(f schema.ForeignKey) ([]former, error) {
	var list []former
	for _, s := range pick(g, func(s *Step) bool { return s.exists }) {
		old, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) { return g.before.value(s.in.Key, name) })
		if !ok && ofKey(g.table, f) {
			var err error
			if old, err = keyTuple(g.table, s.in.Key, f.RefColumns); err != nil {
				return nil, err
			}
		}
		if old == nil {
			continue
		}
		if !s.in.Deleted() {
			now, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) { return g.after(s, name) })
			if !ok || now.equal(old) {
				continue
			}
		}
		list = append(list, former{s, old})
	}
	return list, nil
}

// holders returns, by their places in a list, the changes that would leave rows of a
// foreign key without a parent, with those rows.
func (a *Applier) holders(ctx context.Context, tx mysqldb.Tx, t *schema.Table, f schema.ForeignKey, gone []former) (map[int]*Wait, error) {
	key := "''"
	child, err := a.tables.Table(ctx, f.Table)
	if err == nil && f.Schema == f.RefSchema {
		key = child.KeyExpr("")
	}
	held := map[int]*Wait{}
	for from := 0; from < len(gone); from += looksMost {
		var q mysqldb.Statement
		for i, x := range gone[from:min(from+looksMost, len(gone))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT " + strconv.Itoa(from+i) + ", " + key + " FROM " + qualified(f.Schema, f.Table) + " WHERE ")
			addTuple(&q, "", f.Columns, f.RefColumns, t, x.value)
			q.SQL(" AND NOT EXISTS (SELECT 1 FROM " + mysqldb.Quote(t.Name) + " p WHERE ")
			addTuple(&q, "p.", f.RefColumns, f.RefColumns, t, x.value)
			q.SQL(") LIMIT " + strconv.Itoa(referMost+1) + ")")
		}
		err := q.Query(ctx, tx, func(r *sql.Rows) error {
			var i int
			row := change.Row{Table: f.Table}
			if err := r.Scan(&i, &row.Key); err != nil {
				return err
			}
			w := held[i]
			if w == nil {
				w = &Wait{}
				held[i] = w
			}
			w.refer = append(w.refer, row)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for rows of %s that refer to %s: %w", f.Table, t.Name, err)
		}
	}
	return held, nil
}

// bar has a change wait for the rows that hold it, or decides it if whoever made it
// did not know them.
func (a *Applier) bar(ctx context.Context, tx mysqldb.Tx, b *barred, g *group, s *Step, f schema.ForeignKey, w *Wait) error {
	number := strconv.Itoa(len(w.refer))
	if w.more = len(w.refer) > referMost; w.more {
		w.refer = w.refer[:referMost]
		number = "more than " + strconv.Itoa(referMost)
	}
	w.text = fmt.Sprintf("waits for %s rows of %s that refer to it (foreign key %s)", number, f.Table, f.Name)
	if len(w.refer) == 1 {
		w.text = fmt.Sprintf("waits for 1 row of %s that refers to it (foreign key %s)", f.Table, f.Name)
	}
	in := g.task(s)
	strangers := in.Strangers
	if in.Dated && in.Deleted() {
		unknown, err := a.unknown(ctx, tx, in.From, w.refer)
		if err != nil {
			return err
		}
		if len(unknown) == 0 && (f.OnDelete == "CASCADE" || f.OnDelete == "SET NULL") && !w.more {
			in.verdict, b.decided = cascade, true // as they did there, where nothing tells of it
			return nil
		}
		strangers = unknown
	}
	strange := !slices.ContainsFunc(w.refer, func(r change.Row) bool {
		_, ok := strangers[r]
		return !ok && a.Receives(r.Table) && !(in.Dated && !in.Deleted()) // a peer of version 1 tells nothing of those that followed there
	})
	switch {
	case !strange:
	case !in.Deleted() || g.successor(s) != nil:
		in.verdict, b.decided = follow, true
		return nil
	case a.Cascade && w.more:
		w.text += ": too many to go with it at once, delete them"
	case a.Cascade:
		in.verdict, b.decided = cascade, true
		return nil
	case !a.Syncs(g.table.Name):
		w.text += fmt.Sprintf("; %s did not know them, and %s is not in syncTables here, so that the row cannot be sent back: delete them, or set foreignKeyConflict to cascade",
			in.From, g.table.Name)
	default:
		in.verdict, b.decided = keep, true
		return nil
	}
	w.needs = slices.Clone(w.refer)
	if w.more || w.refer[0].Key == "" {
		w.needs = []change.Row{{Table: f.Table}}
	}
	b.add(s.in.Row, w)
	return nil
}

// task returns the change as it came of which a step was made.
func (g *group) task(s *Step) *Incoming {
	i := slices.IndexFunc(g.in, func(in *Incoming) bool { return in.Row == s.in.Row })
	return g.in[i]
}
