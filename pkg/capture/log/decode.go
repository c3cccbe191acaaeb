package log

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// meaning is what a transaction says.
type meaning struct {
	items  []*item
	at     int64                      // when they were written, in µs since 1970
	marks  []string                   // of P
	moved  []binlog.Position          // to where P moved
	done   []name                     // what is done though P does not pass it
	lost   []string                   // tables of which rows are gone that the log does not list
	doubt  map[string]error           // tables whose rows cannot be understood, and why
	late   *binlog.Transaction        // it commits what was prepared before the log was read
	other  []string                   // tables whose definitions have changed, or that are written by statements
	any    bool                       // all definitions may have
	own    map[string]map[string]bool // ids of rows whose versions it writes, by table
	stated bool                       // there are statements
}

// decoder finds out what transactions mean.
type decoder struct {
	Config
	shapes  *shapes
	below   func(parent string) []string // the tables that foreign keys can change when a row of the parent changes
	written func(t *binlog.Transaction) int64
	mariaDB bool
	nth     map[string]uint32 // how many writes of each table its transaction has so far
}

// decode returns what a transaction, or a piece of one, means.
func (d *decoder) decode(ctx context.Context, t *binlog.Transaction) (*meaning, error) {
	m := &meaning{doubt: map[string]error{}}
	if t.Piece == 0 {
		clear(d.nth)
	}
	if len(t.Changes) == 0 {
		return m, nil
	}
	if t.Whole() {
		m.own = d.own(t)
	}
	m.at = d.written(t)
	for from := 0; from < len(t.Changes); {
		end := from
		for end < len(t.Changes)-1 && !t.Changes[end].EndOfStatement {
			end++
		}
		end++
		if err := d.statement(ctx, m, t.Changes[from:end]); err != nil {
			return nil, err
		}
		from = end
	}
	return m, nil
}

// own returns the ids of the rows whose versions a transaction writes.
func (d *decoder) own(t *binlog.Transaction) map[string]map[string]bool {
	var own map[string]map[string]bool
	for i := range t.Changes {
		c := &t.Changes[i]
		sh := d.shapes.known[c.Layout]
		if sh == nil || sh.name != versions || c.Kind == binlog.Delete || c.Kind == binlog.Mentioned {
			continue
		}
		table, id := string(sh.raw(c, 0)), string(sh.raw(c, 1))
		if own == nil {
			own = map[string]map[string]bool{}
		}
		if own[table] == nil {
			own[table] = map[string]bool{}
		}
		own[table][id] = true
	}
	return own
}

// raw returns a column's value after a change, or before it if it did not change.
func (s *shape) raw(c *binlog.Change, column int) []byte {
	at := s.at[column]
	if at < 0 {
		return nil
	}
	for _, image := range [][]binlog.Value{c.After, c.Before} {
		if at < len(image) && image[at].State == binlog.Present {
			return image[at].Raw
		}
		if at < len(image) && image[at].State == binlog.Null {
			return nil
		}
	}
	return nil
}

// statement adds what the rows of one statement mean.
func (d *decoder) statement(ctx context.Context, m *meaning, changes []binlog.Change) error {
	var found, inserted []*item
	var taken []string // tables of which apply deleted or re-keyed rows
	for i := range changes {
		c := &changes[i]
		if c.Kind == binlog.Statement {
			d.stated(m, c)
			continue
		}
		if c.Kind == binlog.Unknown {
			m.any, m.stated = true, true
			continue
		}
		sh := d.shapes.known[c.Layout]
		if sh == nil || c.Kind == binlog.Mentioned {
			continue
		}
		if sh.table == nil && sh.bad == nil {
			d.told(m, sh, c)
			continue
		}
		c, counts := sh.present(c)
		if !counts {
			continue
		}
		nth := d.count(sh.name)
		if sh.bad != nil {
			m.doubt[sh.name] = sh.bad
			continue
		}
		list, err := d.row(sh, c)
		for _, i := range list {
			i.nth = nth
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if mysqldb.Transient(err) {
			return err // the server could not be asked
		}
		if err != nil {
			m.doubt[sh.name] = err
			continue
		}
		own, err := d.isOwn(ctx, m, sh, list)
		if err != nil {
			return err
		}
		if own {
			if c.Kind != binlog.Insert {
				taken = append(taken, sh.name)
			}
			continue
		}
		if c.Kind == binlog.Insert { // no foreign key inserts rows
			inserted = append(inserted, list...)
		}
		found = append(found, list...)
	}
	m.items = append(m.items, d.without(found, inserted, taken)...)
	return nil
}

// without leaves out what foreign keys did to the children of rows that apply wrote: the children's changes come from
// wherever the parents were changed.
func (d *decoder) without(list, inserted []*item, taken []string) []*item {
	if len(list) == 0 || len(taken) == 0 {
		return list
	}
	slices.Sort(taken)
	below := map[string]bool{}
	for _, parent := range slices.Compact(taken) {
		for _, child := range d.below(parent) {
			below[child] = true
		}
	}
	return slices.DeleteFunc(list, func(i *item) bool { return below[*i.table] && !slices.Contains(inserted, i) })
}

// told adds what a row of an own table says.
func (d *decoder) told(m *meaning, sh *shape, c *binlog.Change) {
	switch {
	case sh.name == position && c.Kind != binlog.Delete:
		m.marks = append(m.marks, string(sh.raw(c, 0)))
		if to, err := binlog.ParsePosition(d.mariaDB, string(sh.raw(c, 1))); err == nil {
			m.moved = append(m.moved, to)
		}
	case sh.name == finished && c.Kind != binlog.Delete:
		m.done = append(m.done, unpack(sh.raw(c, 0))...)
	case sh.name == notes && c.Kind == binlog.Insert:
		id, table, key, removed := sh.raw(c, 0), string(sh.raw(c, 1)), string(sh.raw(c, 2)), sh.raw(c, 3)
		if len(id) != 8 || !d.Syncs(table) {
			return
		}
		i := &item{table: &table, key: key, rare: &rare{note: binary.LittleEndian.Uint64(id)}, nth: noteBit | d.count(notes)}
		if len(removed) == 1 {
			i.fate = there
			if removed[0] != 0 {
				i.fate = gone
			}
		}
		_, i.rare.counted = capture.ParseDetail(sh.raw(c, 4))
		m.items = append(m.items, i)
	}
}

// noteBit tells words of triggers from writes with the same key in a transaction.
const noteBit = 1 << 31

// count returns how many writes of the table were before in the transaction.
func (d *decoder) count(table string) uint32 {
	n := d.nth[table]
	d.nth[table]++
	return n
}

// isOwn reports whether the transaction writes the versions of the row: then apply wrote it. Rule 4.
func (d *decoder) isOwn(ctx context.Context, m *meaning, sh *shape, list []*item) (bool, error) {
	ids := m.own[sh.name]
	if len(ids) == 0 {
		return false, nil
	}
	rows := make([]change.Row, len(list))
	for i, x := range list {
		rows[i] = change.Row{Table: *x.table, Key: x.key}
	}
	if err := sh.table.Identify(ctx, d.shapes.db, rows); err != nil {
		return false, err
	}
	return !slices.ContainsFunc(rows, func(r change.Row) bool { return !ids[r.ID()] }), nil
}

// row returns what a changed row means: an update that changes the key deletes one row and writes another, unless both are
// spellings of one.
func (d *decoder) row(sh *shape, c *binlog.Change) ([]*item, error) {
	before, after := "", ""
	var err error
	if c.Kind != binlog.Insert {
		if before, err = sh.key(c, c.Before, nil); err != nil {
			return nil, err
		}
	}
	if c.Kind == binlog.Delete {
		return []*item{{table: &sh.name, key: before, fate: gone}}, nil
	}
	if after, err = sh.key(c, c.After, c.Before); err != nil {
		return nil, err
	}
	now := &item{table: &sh.name, key: after, fate: there}
	if c.Kind == binlog.Insert || before != after {
		counted, err := d.counted(sh, c, false)
		if counted != nil {
			now.rare = &rare{counted: counted}
		}
		if c.Kind == binlog.Insert {
			return []*item{now}, err
		}
		return []*item{{table: &sh.name, key: before, fate: gone}, now}, err
	}
	if d.Details != nil && d.Details(sh.name) {
		now.rare = &rare{changed: sh.changed(c)}
		now.rare.counted, err = d.counted(sh, c, true)
	}
	return []*item{now}, err
}

// key returns the key of a row; what an image does not have is in the other.
func (s *shape) key(c *binlog.Change, image, other []binlog.Value) (string, error) {
	t := s.table
	parts := make([][]byte, len(t.Key))
	for i, k := range t.Key {
		stored, err := s.stored(c, k, image, other)
		if err == nil {
			parts[i], err = t.Columns[k].KeyPart(stored)
		}
		if err != nil {
			return "", err
		}
	}
	return string(value.JoinKey(parts)), nil
}

// stored returns a column's value in its stored form; nil is NULL, or that it is not there.
func (s *shape) stored(c *binlog.Change, column int, images ...[]binlog.Value) ([]byte, error) {
	at := s.at[column]
	for _, image := range images {
		if at >= 0 && at < len(image) && image[at].State != binlog.Absent {
			return c.Layout.Stored(c.Layout.Wanted[at], &s.table.Columns[column], image[at], s.convert)
		}
	}
	return nil, nil
}

// changed returns the columns that an update changed, as far as the log has them.
func (s *shape) changed(c *binlog.Change) []string {
	names := []string{}
	for i := range s.table.Columns {
		col, at := &s.table.Columns[i], s.at[i]
		if at < 0 || slices.Contains(s.table.Key, i) || at >= len(c.Before) || at >= len(c.After) {
			continue
		}
		before, after := c.Before[at], c.After[at]
		if after.State == binlog.Absent && col.Kind != value.JSON { // only an image of a part
			continue
		}
		if before.State != after.State || string(before.Raw) != string(after.Raw) || after.State == binlog.Absent {
			names = append(names, col.Name)
		}
	}
	return names
}

// counted returns what a row's change did to its counters.
func (d *decoder) counted(sh *shape, c *binlog.Change, update bool) ([]change.Counted, error) {
	if d.Counters == nil {
		return nil, nil
	}
	var list []change.Counted
	for _, name := range d.Counters(sh.name) {
		i := sh.table.Index(name)
		if i < 0 {
			continue
		}
		w := change.Counted{Name: strings.ToLower(sh.table.Columns[i].Name), Set: !update}
		var ok bool
		if update {
			before, err := sh.stored(c, i, c.Before, c.After)
			if err != nil {
				return nil, err
			}
			if w.Old, ok = amount(before); !ok {
				continue
			}
		}
		after, err := sh.stored(c, i, c.After, c.Before)
		if err != nil {
			return nil, err
		}
		if w.New, ok = amount(after); ok {
			list = append(list, w)
		}
	}
	return list, nil
}

// amount is a stored number as counters have it.
func amount(stored []byte) (string, bool) {
	if stored == nil {
		return "", true
	}
	return value.Amount(string(stored))
}

var errText = errors.New("a statement brought or changed rows that the log does not list, as RENAME TABLE does, or a write by a session of another binlog_format")

// stated notes what a statement that is logged as text may have changed.
func (d *decoder) stated(m *meaning, c *binlog.Change) {
	own := d.shapes.schema
	m.stated = true
	if c.SQL.Verb == binlog.Other && len(c.SQL.Tables) == 0 {
		m.any = true
	}
	for _, n := range c.SQL.Tables {
		name := d.shapes.spelled(n.Table)
		if n.Schema != own || !d.Syncs(name) {
			continue
		}
		m.other = append(m.other, name)
		if c.SQL.Rows {
			m.lost = append(m.lost, name)
		}
		if c.SQL.New {
			m.doubt[name] = errText
		}
	}
	if c.SQL.Schema == own {
		m.any = true
	}
}
