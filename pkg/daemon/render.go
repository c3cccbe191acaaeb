package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// outgoing is a row as it goes to one remote. id and entity are its form in
// version 1.
type outgoing struct {
	change.Change
	sent   outbox.Sent
	id     string
	entity value.Entity
}

// rendering is what became of rows that were to be sent.
type rendering struct {
	outgoing []outgoing
	idle     []outbox.Sent    // the remote is not to have them
	failed   []outbox.Failure // a transformer failed, or the table is not there
	partial  bool             // rows are read one by one, and some left out, because they or what scripts make of them are large
	bytes    int              // of the rows read one by one
}

// render reads rows as they are now and transforms them for a remote.
func (n *Node) render(ctx context.Context, remote string, items []outbox.Item) (rendering, error) {
	var d rendering
	byTable := map[string][]outbox.Item{}
	var order []string
	for _, i := range items {
		if byTable[i.Table] == nil {
			order = append(order, i.Table)
		}
		byTable[i.Table] = append(byTable[i.Table], i)
	}
	for _, table := range order {
		err := n.renderTable(ctx, &d, remote, table, byTable[table])
		if held := new(errAside); unreadable(err) || errors.As(err, held) {
			for _, i := range byTable[table] {
				d.failed = append(d.failed, n.senders[remote].failure(i, wire.Reject{Message: err.Error(), Retry: held.error != nil}))
			}
		} else if err != nil {
			return d, err
		}
	}
	return d, nil
}

// errAside is why a table cannot be read now, through nobody's fault: its rows wait until it can. Promise 5.
type errAside struct{ error }

func (e errAside) Unwrap() error { return e.error }

// unreadable reports whether an error is one of a table or of the right to read
// it, not of the server: the other tables go on. Promise 5.
func unreadable(err error) bool {
	return errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) || mysqldb.Number(err) != 0 && !mysqldb.Transient(err)
}

func (n *Node) renderTable(ctx context.Context, d *rendering, remote, table string, items []outbox.Item) error {
	if err := n.tables.Aside(table); err != nil {
		return errAside{err}
	}
	t, err := n.tables.FreshAtOnce(ctx, table)
	if n.tables.SetAside(table, err) {
		return errAside{err}
	} else if err != nil {
		return err
	}
	if err := n.senders[remote].noteFirst(ctx, table); n.tables.SetAside(table, err) {
		return errAside{err}
	} else if err != nil {
		return err
	}
	items = n.fitting(d, remote, t, items)
	if len(items) == 0 {
		return nil
	}
	// The versions are read before the rows, so that a row is never older than
	// the version it goes under: a newer one has a place of its own in the stream.
	// Rows of the stream were read with theirs.
	var unknown []change.Row
	for i := range items {
		if items[i].Version.IsZero() {
			unknown = append(unknown, items[i].Row)
		}
	}
	states, err := version.Read(ctx, n.db, unknown)
	if err != nil {
		return err
	}
	found, items, err := n.readRows(ctx, t, items, d)
	if n.tables.SetAside(table, err) {
		return errAside{err}
	} else if err != nil {
		if mysqldb.SchemaChanged(err) {
			n.tables.Forget(table)
		}
		return err
	}
	if items, err = n.withoutVanished(ctx, d, t, items, found); err != nil {
		return err
	}
	if n.transformers.Has(table) {
		return n.transformRows(ctx, d, remote, t, items, states, found)
	}
	columns := t.Names()
	batches := n.mesh.SpeaksBatches(remote)
	for _, i := range items {
		o := n.outgoing(i, states)
		if values, ok := found[i.Key]; ok {
			o.Columns, o.Values = columns, values
			if t.Spelling() != value.Exact {
				if o.Key, err = t.KeyOf(columns, values); err != nil {
					return err
				}
			}
		} else if i.OnlyMissing {
			d.idle = append(d.idle, o.sent) // its delete has a mark of its own
			continue
		}
		if !batches {
			if err := n.singleForm(t, &o); err != nil {
				d.failed = append(d.failed, n.senders[remote].failure(i, wire.Reject{Message: err.Error()}))
				continue
			}
		}
		d.outgoing = append(d.outgoing, o)
	}
	return nil
}

// withoutVanished returns the items but those whose rows are missing and that no trigger
// saw go, as by TRUNCATE: they are not sent as deletes. Promise 7. A delete that is not
// captured yet has a place of its own.
func (n *Node) withoutVanished(ctx context.Context, d *rendering, t *schema.Table, items []outbox.Item, found map[string][][]byte) ([]outbox.Item, error) {
	var missing []change.Row
	for i := range items {
		if _, ok := found[items[i].Key]; !ok && !items[i].OnlyMissing {
			missing = append(missing, items[i].Row)
		}
	}
	// In this order: what is captured between the two has its new fate by then.
	uncaptured, err := n.uncaptured(ctx, t, missing)
	if err != nil {
		return nil, err
	}
	fates, err := version.Fates(ctx, n.db, missing)
	if err != nil {
		return nil, err
	}
	before := len(items)
	items = slices.DeleteFunc(items, func(i outbox.Item) bool {
		vanished := fates[i.Row] == version.There && !uncaptured[i.Key]
		if vanished {
			d.idle = append(d.idle, outbox.Sent{Item: i})
		}
		return vanished
	})
	if len(items) < before {
		n.log.Warn("rows that were to be sent are gone, and no trigger saw them go; they stay as they are at the remotes",
			zap.String("table", t.Name), zap.Int("rows", before-len(items)))
	}
	return items, nil
}

// uncaptured returns the keys of those rows of a table that a trigger has noted since
// they were recorded last.
func (n *Node) uncaptured(ctx context.Context, t *schema.Table, rows []change.Row) (map[string]bool, error) {
	noted := map[string]bool{}
	if len(rows) == 0 {
		return noted, nil
	}
	args := []any{t.Name}
	for _, r := range rows {
		args = append(args, []byte(r.Key))
	}
	err := mysqldb.Each(ctx, n.db, `SELECT primary_key FROM table_changes WHERE table_name = ? AND primary_key IN (`+mysqldb.List(len(rows))+`)`, args, func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		noted[key] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read changes of %s: %w", t.Name, err)
	}
	return noted, nil
}

// fitting returns the items whose key is one of the table's; the table may have
// been given another primary key since they were recorded.
func (n *Node) fitting(d *rendering, remote string, t *schema.Table, items []outbox.Item) []outbox.Item {
	fit := make([]outbox.Item, 0, len(items))
	for _, i := range items {
		if _, err := t.KeyArgs(nil, i.Key); err != nil {
			d.failed = append(d.failed, n.senders[remote].failure(i, wire.Reject{Message: err.Error()}))
			continue
		}
		fit = append(fit, i)
	}
	return fit
}

// outgoing begins what is sent of a row. One that was never written since the
// node keeps versions gets one that any write is later than.
func (n *Node) outgoing(i outbox.Item, states map[change.Row]change.State) outgoing {
	o := outgoing{Change: change.Change{Row: i.Row, State: i.State, OnlyMissing: i.OnlyMissing}, sent: outbox.Sent{Item: i}}
	if i.Version.IsZero() {
		o.State = states[i.Row]
	}
	if o.Version.IsZero() {
		o.Version = change.Version{Time: change.Baseline, Origin: n.cfg.ClientName}
	}
	return o
}

// singleForm adds the form of version 1: the key is text there, equal to the id.
func (n *Node) singleForm(t *schema.Table, o *outgoing) (err error) {
	if o.id, err = t.ID(o.Key); err != nil || o.Deleted() {
		return err
	}
	if o.entity == nil {
		o.entity = receive.Decode(t, o.Columns, o.Values, n.zone)
	}
	parts, err := value.SplitKey([]byte(o.Key), len(t.Key))
	if err != nil {
		return err
	}
	for i, k := range t.Key {
		c := &t.Columns[k]
		for j := range o.entity {
			if o.entity[j].Name != c.Name || c.Kind == value.Binary {
				continue
			}
			if o.entity[j].Value, err = c.IDPart(parts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRows reads the rows that exist, by key. Where they are large it reads only
// the first of them and returns the items that it got to. Promise 10.
func (n *Node) readRows(ctx context.Context, t *schema.Table, items []outbox.Item, d *rendering) (map[string][][]byte, []outbox.Item, error) {
	found := make(map[string][][]byte, len(items))
	for start := 0; start < len(items); {
		step := len(items) - start
		if d.partial {
			step = 1
		}
		bytes, err := n.readSome(ctx, t, items[start:start+step], found)
		if err == nil {
			err = n.inOtherSpellings(ctx, t, items[start:start+step], found)
		}
		if errors.Is(err, errLarge) {
			// The batch is read again row by row, until it is full.
			d.partial = true
			clear(found)
			start = 0
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		start += step
		if d.partial {
			if d.bytes += bytes; d.bytes > readBytes {
				return found, items[:start], nil
			}
		}
	}
	return found, items, nil
}

// inOtherSpellings has the rows that are spelled otherwise by now stand under the keys
// that were asked for.
func (n *Node) inOtherSpellings(ctx context.Context, t *schema.Table, items []outbox.Item, found map[string][][]byte) error {
	if t.Spelling() == value.Exact {
		return nil
	}
	rows := make([]change.Row, len(items))
	for i := range items {
		rows[i] = items[i].Row
	}
	wanted, err := t.Wanted(ctx, n.db, rows, slices.Collect(maps.Keys(found)))
	if err != nil {
		return err
	}
	for _, key := range slices.Collect(maps.Keys(found)) {
		if r, ok := wanted[key]; ok {
			found[r.Key] = found[key]
		}
	}
	return nil
}

var errLarge = errors.New("the rows are large")

func (n *Node) readSome(ctx context.Context, t *schema.Table, items []outbox.Item, found map[string][][]byte) (int, error) {
	var q mysqldb.Statement
	err := t.AddSelect(&q, t.KeyExpr("")+", "+t.SelectList(), func(yield func(string) bool) {
		for i := range items {
			if !yield(items[i].Key) {
				return
			}
		}
	}, "")
	if err != nil {
		return 0, err
	}
	size := 0
	raw := make([]sql.RawBytes, len(t.Columns)+1)
	into := make([]any, len(raw))
	for i := range raw {
		into[i] = &raw[i]
	}
	err = q.Query(ctx, n.db.AtOnce(n.db), func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		length := 0
		for _, b := range raw {
			length += len(b)
		}
		if size += length; size > readBytes && len(items) > 1 {
			return errLarge
		}
		found[string(raw[0])] = clone(raw[1:], length)
		return nil
	})
	if err != nil && !errors.Is(err, errLarge) {
		err = fmt.Errorf("read rows of %s: %w", t.Name, err)
	}
	return size, err
}

// clone copies a row into one allocation of its own.
func clone(raw []sql.RawBytes, length int) [][]byte {
	buf := make([]byte, 0, length)
	values := make([][]byte, len(raw))
	for i, b := range raw {
		if b == nil {
			continue
		}
		at := len(buf)
		buf = append(buf, b...)
		values[i] = buf[at:len(buf):len(buf)]
	}
	return values
}
