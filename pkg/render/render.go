package render

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Renderer reads rows as they are now and renders them for a remote. It is safe for concurrent use.
type Renderer struct {
	Log          *zap.Logger
	Client       string // of this node
	DB           *mysqldb.DB
	Tables       *schema.Tables
	Sent         Sent
	Transformers *transform.Transformers
	Zone         *time.Location // of TIMESTAMP values in version 1
	Synced       []string       // tables that are sent
	Keys         func(ctx context.Context, t *schema.Table, after []byte, limit int) ([]change.Row, error)
	Source       capture.Asked               // of local writes
	Routes       Router                      // nil: each remote has all rows
	Counters     func(table string) []string // a table's counters; nil: no table has any
	Read         *Ahead                      // rows that were read before they are asked for; nil: none
}

// readBytes is how many bytes of rows are read at a time. Promise 10.
const readBytes = 4 << 20

// Sent records what a remote was sent of rows that a transformer changes; see outbox.Outbox.
type Sent interface {
	SentAs(ctx context.Context, remote, table string, rows []change.Row) (map[change.Row]string, error)
	Sending(ctx context.Context, remote string, rows []outbox.Sent) error
	Note(ctx context.Context, remote string, at outbox.Noting, held []outbox.Sent, finished bool) error
}

// Target is a remote for which rows are rendered.
type Target struct {
	Remote   string
	Routes   bool                                          // it knows rows that are withdrawn
	Merges   bool                                          // it knows by which writes columns were made
	Counts   bool                                          // it knows counters
	Single   bool                                          // rows are also rendered for version 1
	Begun    int64                                         // end of the stream when this run started
	Note     func(ctx context.Context, table string) error // called before the first row of a table is rendered; nil: nothing is
	counters []string                                      // of the table that is rendered
}

// Counting returns the target with the counters of a table that it is told about.
func (to Target) Counting(table string, counters func(string) []string) Target {
	to.counters = nil
	if to.Counts && !to.Single && counters != nil {
		to.counters = counters(table)
	}
	return to
}

// Outgoing is a row as sent to one remote.
type Outgoing struct {
	change.Change
	Sent   outbox.Sent
	ID     string       // in version 1
	Entity value.Entity // in version 1
}

// tallySize is about what a tally takes, in bytes.
const tallySize = 32

// Size returns the bytes of the row's values, and of what is said about its counters.
func (o *Outgoing) Size() (size int) {
	for i := range o.Counts {
		size += tallySize * len(o.Counts[i].Tallies)
	}
	for _, v := range o.Values {
		size += len(v)
	}
	return size
}

// Refusal is a row that does not go out, and why.
type Refusal struct {
	outbox.Item
	wire.Reject
}

// Rendering is the outcome for rows that were to be sent.
type Rendering struct {
	Outgoing []Outgoing
	Idle     []outbox.Sent // the remote should not have them
	Refused  []Refusal     // a transformer failed, or the table is missing
	Partial  bool          // rows are read one by one, and some left out, because they or their transformed rows are large
	bytes    int           // of the rows read one by one
}

// Keep keeps the rows of a rendering for which keep returns true.
func (d *Rendering) Keep(keep func(change.Row) bool) {
	d.Outgoing = slices.DeleteFunc(d.Outgoing, func(o Outgoing) bool { return !keep(o.Sent.Row) })
	d.Idle = slices.DeleteFunc(d.Idle, func(x outbox.Sent) bool { return !keep(x.Row) })
	d.Refused = slices.DeleteFunc(d.Refused, func(f Refusal) bool { return !keep(f.Row) })
}

// Rows returns the rows of a rendering: those that were read.
func (d *Rendering) Rows() iter.Seq[change.Row] {
	return func(yield func(change.Row) bool) {
		for i := range d.Outgoing {
			if !yield(d.Outgoing[i].Sent.Row) {
				return
			}
		}
		for i := range d.Idle {
			if !yield(d.Idle[i].Row) {
				return
			}
		}
		for i := range d.Refused {
			if !yield(d.Refused[i].Row) {
				return
			}
		}
	}
}

// Render reads rows as they are now and transforms them for a remote.
func (n *Renderer) Render(ctx context.Context, to Target, items []outbox.Item) (*Rendering, error) {
	d := &Rendering{}
	byTable := map[string][]outbox.Item{}
	var order []string
	for _, i := range items {
		if byTable[i.Table] == nil {
			order = append(order, i.Table)
		}
		byTable[i.Table] = append(byTable[i.Table], i)
	}
	for _, table := range order {
		if err := n.renderEach(ctx, d, to, table, byTable[table]); err != nil {
			return d, err
		}
	}
	return d, nil
}

// renderEach renders rows of a table, and refuses those that cannot be read. A key that the server compares with nothing refuses
// no other row: it can be that of a row which was deleted before the key's type changed.
func (n *Renderer) renderEach(ctx context.Context, d *Rendering, to Target, table string, items []outbox.Item) error {
	refused := len(d.Refused)
	err := n.renderTable(ctx, d, to, table, items)
	held := new(errAside)
	if !Unreadable(err) && !errors.As(err, held) {
		return err
	}
	d.Refused = d.Refused[:refused]
	if half := len(items) / 2; half > 0 && mysqldb.Incomparable(err) {
		if err := n.renderEach(ctx, d, to, table, items[:half]); err != nil {
			return err
		}
		return n.renderEach(ctx, d, to, table, items[half:])
	}
	for _, i := range items {
		d.refuse(i, wire.Reject{Message: err.Error(), Retry: held.error != nil})
	}
	return nil
}

func (d *Rendering) refuse(i outbox.Item, why wire.Reject) {
	d.Refused = append(d.Refused, Refusal{i, why})
}

// errAside is why a table cannot be read now, through no one's fault: its rows wait until it can. Promise 5.
type errAside struct{ error }

func (e errAside) Unwrap() error { return e.error }

// Unreadable reports whether an error is about a table or the right to read it, not about the server: the other tables
// go on. Promise 5.
func Unreadable(err error) bool {
	return errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) || mysqldb.Number(err) != 0 && !mysqldb.Transient(err)
}

func (n *Renderer) renderTable(ctx context.Context, d *Rendering, to Target, table string, items []outbox.Item) error {
	if err := n.Tables.Aside(table); err != nil {
		return errAside{err}
	}
	t, l, err := n.look(ctx, d, to, table, items)
	if err != nil || l == nil {
		return err
	}
	for _, i := range l.Idle {
		d.Idle = append(d.Idle, outbox.Sent{Item: i})
	}
	for _, i := range l.Waits {
		d.refuse(i, wire.Reject{Message: "it is not recorded yet which remotes have the row", Retry: true})
	}
	if l.Vanished > 0 {
		n.Log.Warn("rows due to be sent vanished without firing a trigger; the remotes keep them as they are",
			zap.String("table", t.Name), zap.Int("rows", l.Vanished))
	}
	if err := n.withdraw(ctx, d, to, t, l); err != nil {
		return err
	}
	if n.Transformers.Has(table) {
		sent := len(d.Outgoing)
		err := n.transformRows(ctx, d, to, t, l.Items, l.states, l.found)
		for i := range d.Outgoing[sent:] {
			d.Outgoing[sent+i].Token = l.token
		}
		return err
	}
	columns := t.Names()
	for _, i := range l.Items {
		o := l.Outgoing(i)
		if l.Over(i) {
			d.Idle = append(d.Idle, o.Sent)
			continue
		}
		if values, ok := l.Values(i); ok {
			o.Columns, o.Values = columns, values
			if t.Spelling() != value.Exact {
				if o.Key, err = t.KeyOf(columns, values); err != nil {
					return err
				}
			}
		}
		if to.Single {
			if err := n.singleForm(t, &o); err != nil {
				d.refuse(i, wire.Reject{Message: err.Error()})
				continue
			}
		}
		d.Outgoing = append(d.Outgoing, o)
	}
	return nil
}

// look reads rows of a table for a remote, and returns the definition by which they were read; no Look if none of the
// items fits the table. Rows that show whether the definition still holds cost no look at the table before.
func (n *Renderer) look(ctx context.Context, d *Rendering, to Target, table string, items []outbox.Item) (*schema.Table, *Look, error) {
	aside := func(err error) error { // or the error itself
		if n.Tables.SetAside(table, err) {
			return errAside{err}
		}
		return err
	}
	t, err := n.Tables.Table(ctx, table)
	if err != nil {
		return nil, nil, aside(err)
	}
	shown := t.Shows() && !slices.ContainsFunc(items, func(i outbox.Item) bool { return misfit(t, i) != nil })
	if !shown {
		if t, err = n.Tables.FreshAtOnce(ctx, table); err != nil {
			return nil, nil, aside(err)
		}
	}
	if to.Note != nil {
		if err := to.Note(ctx, table); err != nil {
			return nil, nil, aside(err)
		}
	}
	for {
		fit := items
		if !shown {
			fit = fitting(d, t, items)
		}
		if len(fit) == 0 {
			return t, nil, nil
		}
		l, err := LookAt(ctx, server{n, d}, n.routes(), n.Client, to.Counting(t.Name, n.Counters), t, fit)
		// A server that refuses the statement may do so because it names what was altered, or compares its keys with another type.
		if !shown || !errors.Is(err, schema.ErrOutdated) && !Unreadable(err) {
			return t, l, err
		}
		shown = false
		if t, err = n.Tables.Renew(ctx, t, err); err != nil {
			return nil, nil, aside(err)
		}
	}
}

// routes are Routes without a value in it where there are none.
func (n *Renderer) routes() Routes {
	if n.Routes == nil {
		return nil
	}
	return n.Routes
}

// fitting returns the items whose key is one of the table's; the table may have
// been given another primary key since they were recorded.
func fitting(d *Rendering, t *schema.Table, items []outbox.Item) []outbox.Item {
	fit := make([]outbox.Item, 0, len(items))
	for _, i := range items {
		if err := misfit(t, i); err != nil {
			d.refuse(i, wire.Reject{Message: err.Error()})
			continue
		}
		fit = append(fit, i)
	}
	return fit
}

// misfit returns why an item's key is none of the table's.
func misfit(t *schema.Table, i outbox.Item) error {
	_, err := t.KeyArgs(nil, i.Key)
	return err
}

func (n *Renderer) outgoing(i outbox.Item, states map[change.Row]change.State) Outgoing {
	return outgoing(n.Client, i, states)
}

// singleForm adds the form of version 1: the key is text there, equal to the id.
func (n *Renderer) singleForm(t *schema.Table, o *Outgoing) (err error) {
	if o.ID, err = t.ID(o.Key); err != nil || o.Deleted() {
		return err
	}
	if o.Entity == nil {
		o.Entity = receive.Decode(t, o.Columns, o.Values, n.Zone)
	}
	parts, err := value.SplitKey([]byte(o.Key), len(t.Key))
	if err != nil {
		return err
	}
	for i, k := range t.Key {
		c := &t.Columns[k]
		for j := range o.Entity {
			if o.Entity[j].Name != c.Name || c.Kind == value.Binary {
				continue
			}
			if o.Entity[j].Value, err = c.IDPart(parts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRows reads the existing rows, by key. If they are large, it reads only the first of them and returns the items
// that it got to. Promise 10.
func (n *Renderer) readRows(ctx context.Context, t *schema.Table, items []outbox.Item, d *Rendering) (map[string][][]byte, []outbox.Item, error) {
	found := make(map[string][][]byte, len(items))
	for start := 0; start < len(items); {
		step := len(items) - start
		if d.Partial {
			step = 1
		}
		bytes, err := n.readSome(ctx, t, items[start:start+step], found)
		if err == nil {
			err = n.inOtherSpellings(ctx, t, items[start:start+step], found)
		}
		if errors.Is(err, errLarge) {
			// The batch is read again row by row, until it is full.
			d.Partial = true
			clear(found)
			start = 0
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		start += step
		if d.Partial {
			if d.bytes += bytes; d.bytes > readBytes {
				return found, items[:start], nil
			}
		}
	}
	return found, items, nil
}

// inOtherSpellings files rows that are now spelled differently under the keys that were asked for.
func (n *Renderer) inOtherSpellings(ctx context.Context, t *schema.Table, items []outbox.Item, found map[string][][]byte) error {
	if t.Spelling() == value.Exact {
		return nil
	}
	rows := make([]change.Row, len(items))
	for i := range items {
		rows[i] = items[i].Row
	}
	wanted, err := t.Wanted(ctx, n.DB, rows, slices.Collect(maps.Keys(found)))
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

func (n *Renderer) readSome(ctx context.Context, t *schema.Table, items []outbox.Item, found map[string][][]byte) (int, error) {
	var q mysqldb.Statement
	err := t.AddRows(&q, func(yield func(string) bool) {
		for i := range items {
			if !yield(items[i].Key) {
				return
			}
		}
	})
	if err != nil {
		return 0, err
	}
	size := 0
	raw := make([]sql.RawBytes, len(t.Columns)+1)
	into := make([]any, len(raw))
	for i := range raw {
		into[i] = &raw[i]
	}
	err = q.QueryKnown(ctx, n.DB.AtOnce(n.DB), t.CheckColumns, func(rows *sql.Rows) error {
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
