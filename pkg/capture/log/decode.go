package log

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// meaning is what a transaction says.
type meaning struct {
	items  []*item
	at     int64             // when they were written, in µs since 1970
	marks  []string          // of P
	moved  []binlog.Position // to where P moved
	done   []name            // what is done though P does not pass it
	lost   []string          // tables of which rows are gone that the log does not list
	doubt  map[string]error  // tables whose rows cannot be understood, and why
	other  []string          // tables whose definitions have changed, or that are written by statements
	any    bool              // all definitions may have
	stated bool              // there are statements
}

// decoder finds out what transactions mean.
type decoder struct {
	Config
	shapes  *shapes
	below   func(parent string) []string // the tables that foreign keys can change when a row of the parent changes
	written func(t *binlog.Transaction) int64
	mariaDB bool
	nth     map[string]uint32 // how many writes of each table its transaction has so far
	begun   begun
}

// begun is what there is of a transaction that may come in pieces: which of its rows apply wrote shows at its end.
type begun struct {
	rows []written
	room int                        // of memory
	own  map[string]map[string]bool // ids of rows whose versions it writes, by table
	long bool                       // its rows are not kept: apply writes none that long
}

// written is what a row of the log means.
type written struct {
	items []*item       // at least one
	table *schema.Table // nil: it is the word of a trigger
	kind  binlog.Kind
	last  bool // of its statement
}

// begunMost is how many bytes the rows of a transaction may take that are kept until it ends, without their values: some 30,000. Apply writes
// up to 1,000, and foreign keys may change others then.
const begunMost = 4 << 20

// decode returns what a transaction, or a piece of one, means.
func (d *decoder) decode(ctx context.Context, t *binlog.Transaction) (*meaning, error) {
	m := &meaning{doubt: map[string]error{}}
	if t.Piece == 0 {
		clear(d.nth)
		d.begun = begun{}
	}
	b := &d.begun
	if len(t.Changes) == 0 && len(b.rows) == 0 {
		return m, nil
	}
	m.at = d.written(t)
	d.own(t)
	for i := range t.Changes {
		c := &t.Changes[i]
		if err := d.change(ctx, m, t, c); err != nil {
			return nil, err
		}
		if n := len(b.rows); n > 0 && c.EndOfStatement {
			b.rows[n-1].last = true
		}
	}
	if !t.Last && !b.long && b.room <= begunMost {
		return m, nil
	}
	if !t.Last {
		b.long, b.own = true, nil
	}
	for from := 0; from < len(b.rows); {
		end := from
		for end < len(b.rows)-1 && !b.rows[end].last {
			end++
		}
		end++
		if err := d.statement(ctx, m, b.rows[from:end]); err != nil {
			return nil, err
		}
		from = end
	}
	b.rows = nil
	return m, nil
}

// own notes the ids of the rows whose versions a transaction, or a piece of one, writes.
func (d *decoder) own(t *binlog.Transaction) {
	if d.begun.long {
		return
	}
	for i := range t.Changes {
		c := &t.Changes[i]
		sh := d.shapes.known[c.Layout]
		if sh == nil || sh.name != versions || c.Kind == binlog.Delete || c.Kind == binlog.Mentioned {
			continue
		}
		table, id := string(sh.raw(c, 0)), string(sh.raw(c, 1))
		if d.begun.own == nil {
			d.begun.own = map[string]map[string]bool{}
		}
		if d.begun.own[table] == nil {
			d.begun.own[table] = map[string]bool{}
		}
		d.begun.own[table][id] = true
	}
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

// change adds what a change means: of a row, to what there is of its transaction.
func (d *decoder) change(ctx context.Context, m *meaning, t *binlog.Transaction, c *binlog.Change) error {
	switch c.Kind {
	case binlog.Statement:
		return d.stated(ctx, m, t, c)
	case binlog.Unknown:
		m.any, m.stated = true, true
		return nil
	case binlog.Mentioned:
		return nil
	}
	sh := d.shapes.known[c.Layout]
	if sh == nil {
		return nil
	}
	if sh.table == nil && sh.bad == nil {
		d.told(m, sh, c)
		return nil
	}
	c, counts := sh.present(c)
	if !counts {
		return nil
	}
	nth := d.count(sh.name)
	late := sh.late()
	if bad := cmp.Or(late, sh.bad); bad != nil {
		m.doubt[sh.name] = bad
		if late != nil || !sh.keyed || c.Kind != binlog.Delete { // who is sent the table as a whole does not learn of a delete
			return nil
		}
	}
	list, err := d.row(sh, c)
	for _, i := range list {
		i.nth = nth
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case mysqldb.Transient(err):
		return err // the server could not be asked
	case err != nil:
		m.doubt[sh.name] = err
		return nil
	}
	d.keep(written{items: list, table: sh.table, kind: c.Kind})
	return nil
}

// keep keeps a row until it shows whose it is.
func (d *decoder) keep(w written) {
	d.begun.rows = append(d.begun.rows, w)
	for _, i := range w.items {
		d.begun.room += i.room()
	}
}

// statement adds what the rows of one statement mean.
func (d *decoder) statement(ctx context.Context, m *meaning, rows []written) error {
	var found, inserted []*item
	var taken []string // tables of which apply deleted or re-keyed rows
	for _, w := range rows {
		if w.table == nil {
			m.items = append(m.items, w.items...)
			continue
		}
		own, err := d.isOwn(ctx, w)
		if err != nil {
			return err
		}
		if own {
			if w.kind != binlog.Insert {
				taken = append(taken, *w.items[0].table)
			}
			continue
		}
		if w.kind == binlog.Insert { // no foreign key inserts rows
			inserted = append(inserted, w.items...)
		}
		found = append(found, w.items...)
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
		d.keep(written{items: []*item{i}})
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
func (d *decoder) isOwn(ctx context.Context, w written) (bool, error) {
	ids := d.begun.own[*w.items[0].table]
	if len(ids) == 0 {
		return false, nil
	}
	rows := make([]change.Row, len(w.items))
	for i, x := range w.items {
		rows[i] = change.Row{Table: *x.table, Key: x.key}
	}
	if err := w.table.Identify(ctx, d.shapes.db, rows); err != nil {
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
		if s.has(image, column) {
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
		was, is := sh.has(c.Before, i), sh.has(c.After, i)
		switch {
		case sh.at[i] < 0: // the column is newer than the row
		case update && !is: // an image of what changed
			continue
		case update && !was, !was && !is:
			return nil, errImage
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

// has reports whether an image has a column.
func (s *shape) has(image []binlog.Value, column int) bool {
	at := s.at[column]
	return at >= 0 && at < len(image) && image[at].State != binlog.Absent
}

// amount is a stored number as counters have it.
func amount(stored []byte) (string, bool) {
	if stored == nil {
		return "", true
	}
	return value.Amount(string(stored))
}

var errImage = errors.New("a session with another binlog_row_image than FULL changed a counter, and the log lacks its number")

var errText = errors.New("a statement brought or changed rows that the log does not list, as RENAME TABLE does, or a write by a session of another binlog_format")

// stated notes what a statement that is logged as text may have changed.
func (d *decoder) stated(ctx context.Context, m *meaning, t *binlog.Transaction, c *binlog.Change) error {
	own := d.shapes.schema
	m.stated = true
	if c.SQL.Verb == binlog.Other && len(c.SQL.Tables) == 0 {
		m.any = true
	}
	ours := c.Schema == own
	for _, n := range c.SQL.Tables {
		name := d.shapes.spelled(n.Table)
		if n.Schema != own {
			continue
		}
		ours = true
		if c.SQL.Verb == binlog.Write {
			for _, child := range d.below(name) {
				if d.Syncs(child) {
					m.doubt[child] = errText
				}
			}
		}
		if !d.Syncs(name) {
			continue
		}
		m.other = append(m.other, name)
		if c.SQL.Rows {
			m.lost = append(m.lost, name)
		}
		if c.SQL.New {
			m.doubt[name] = errText
		}
		d.shapes.ahead.passes(name, t.GTID)
	}
	if c.SQL.Schema == own {
		m.any = true
	}
	if c.SQL.Verb != binlog.Write || !ours {
		return nil
	}
	more, err := d.shapes.reaches(ctx, c.SQL)
	if more {
		m.doubt[everyTable] = errText
	}
	return err
}
