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
	"github.com/mysql-sync/mysql-sync/pkg/transform"
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
	partial  bool             // rows are read one by one, and some left out, because they are large
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
	batches := n.peers.speaksBatches(remote)
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

// transformRows runs the table's script for each row.
func (n *Node) transformRows(ctx context.Context, d *rendering, remote string, t *schema.Table, items []outbox.Item,
	states map[change.Row]change.State, found map[string][][]byte) error {
	rows := make([]change.Row, len(items))
	for i := range items {
		rows[i] = items[i].Row
	}
	held, err := n.outbox.SentAs(ctx, remote, t.Name, rows)
	if err != nil {
		return err
	}
	list, calls := make([]outgoing, len(items)), make([]transform.Call, 0, len(items))
	for k, i := range items {
		list[k] = n.outgoing(i, states)
		if asks(&list[k], found[i.Key]) {
			calls = append(calls, n.callOf(&list[k], remote, t, found[i.Key]))
		}
	}
	results := n.transformers.ApplyAll(ctx, t.Name, calls)
	var sending []outbox.Sent
	for k, i := range items {
		o, send, err := list[k], false, error(nil)
		if asks(&o, found[i.Key]) {
			send, err = n.sendAs(ctx, &o, remote, t, calls[0], results[0], held[i.Row])
			calls, results = calls[1:], results[1:]
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			d.failed = append(d.failed, n.senders[remote].failure(i, wire.Reject{Message: err.Error()}))
		case !send:
			d.idle = append(d.idle, o.sent)
		default:
			d.outgoing = append(d.outgoing, o)
			sending = append(sending, o.sent)
		}
	}
	return n.outbox.Sending(ctx, remote, sending)
}

// asks reports whether the script has a say: the delete of a row that is for a remote
// without it has a mark of its own.
func asks(o *outgoing, values [][]byte) bool { return values != nil || !o.OnlyMissing }

// callOf returns the call of a row's script; without values it is that of a delete.
func (n *Node) callOf(o *outgoing, remote string, t *schema.Table, values [][]byte) transform.Call {
	id, _ := t.ID(o.Key) // a key that cannot be shown is told by sendAs
	call := transform.Call{Table: t.Name, ID: id, Source: n.cfg.ClientName, Target: remote}
	if values != nil {
		call.Entity = receive.Decode(t, t.Names(), values, n.zone)
	}
	return call
}

// transformRow makes of a row what the remote is to have; held is the id under
// which it has the row now, or empty. send is false if the remote neither has
// the row nor is to have it.
func (n *Node) transformRow(ctx context.Context, o *outgoing, remote string, t *schema.Table, values [][]byte, held string) (send bool, err error) {
	if !asks(o, values) {
		return false, nil
	}
	call := n.callOf(o, remote, t, values)
	return n.sendAs(ctx, o, remote, t, call, n.transformers.ApplyAll(ctx, t.Name, []transform.Call{call})[0], held)
}

// sendAs makes of a script's result what the remote is to have, as transformRow.
func (n *Node) sendAs(ctx context.Context, o *outgoing, remote string, t *schema.Table, call transform.Call, r transform.Result, held string) (send bool, err error) {
	if _, err := t.ID(o.Key); err != nil {
		return false, err
	}
	if call.Entity == nil {
		return n.transformedDelete(o, t, call, r, held)
	}
	entity, err := r.Entity, r.Err
	if errors.Is(err, transform.ErrDropped) {
		return n.takeAway(ctx, o, remote, t, call, held)
	}
	if err != nil {
		return false, err
	}
	o.Columns, o.Values = make([]string, len(entity)), make([][]byte, len(entity))
	for i, f := range entity {
		c, ok := t.Column(f.Name)
		if !ok { // the target may have columns of its own
			c = &value.Column{Name: f.Name, Kind: value.Text}
		}
		o.Columns[i] = f.Name
		if o.Values[i], err = c.Encode(f.Value, n.zone); err != nil {
			return false, err
		}
	}
	if o.Key, err = t.KeyOf(o.Columns, o.Values); err != nil {
		return false, err
	}
	o.entity = entity
	if err := n.singleForm(t, o); err != nil {
		return false, err
	}
	if held != "" && held != o.id {
		// Under another id it is another row there: the old one goes first.
		o.entity, o.Columns, o.Values = nil, nil, nil
		o.sent.Moved = true
		return n.delete(o, t, held)
	}
	o.sent.As = o.id
	return true, nil
}

func (n *Node) transformDelete(ctx context.Context, o *outgoing, t *schema.Table, call transform.Call, held string) (bool, error) {
	return n.transformedDelete(o, t, call, n.transformers.ApplyAll(ctx, t.Name, []transform.Call{call})[0], held)
}

func (n *Node) transformedDelete(o *outgoing, t *schema.Table, call transform.Call, r transform.Result, held string) (bool, error) {
	if errors.Is(r.Err, transform.ErrDropped) {
		o.sent.Gone = true
		return false, nil
	}
	if r.Err != nil {
		return false, r.Err
	}
	id := r.ID
	if id == call.ID && held != "" {
		id = held // what the remote knows the row by
	}
	return n.delete(o, t, id)
}

// takeAway sends a delete where the remote may have a row that is not for it: where it
// was sent the row, or wrote it before somebody else did. Under the id that the row
// then has there: it was sent as that, or a delete of it would go as that. What the
// remote wrote last itself stays there, and what a table that is sent for the rows
// that it lacks does not give it, it is not deprived of either.
func (n *Node) takeAway(ctx context.Context, o *outgoing, remote string, t *schema.Table, call transform.Call, held string) (send bool, err error) {
	switch {
	case ownOf(remote, o.State), o.OnlyMissing:
		return false, nil
	case held != "":
		send, err := n.delete(o, t, held)
		if at := o.sent.Position; at > 0 && at <= n.senders[remote].begun {
			// It may have been sent before this run, as this very version, and then the
			// delete does nothing there: what is known of it stays.
			o.sent.Gone, o.sent.As = false, held
		}
		return send, err
	case o.Seen.Latest(remote) > 0:
		call.Entity = nil
		return n.transformDelete(ctx, o, t, call, "")
	}
	o.sent.Gone = true
	return false, nil
}

func (n *Node) delete(o *outgoing, t *schema.Table, id string) (send bool, err error) {
	o.sent.Gone = true
	o.id = id
	o.Key, err = t.ParseID(id)
	return true, err
}
