package render

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Reads is where rows are read: on a server or, where many nodes are simulated, in memory. What is read, and in which
// order, is the same.
type Reads interface {
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	// Rows returns those of the rows that exist, by key. If they are large, it reads only the first, and returns the
	// items that it got to.
	Rows(ctx context.Context, t *schema.Table, items []outbox.Item) (found map[string][][]byte, got []outbox.Item, err error)
	// Uncaptured returns the local changes of rows that were not captured yet, by key.
	Uncaptured(ctx context.Context, table string, keys []string) (map[string][]capture.Entry, error)
	Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error)
	// Labels returns the labels by which rows were last routed; Routed those of existing rows as they are now, by key.
	Labels(ctx context.Context, rows []change.Row) (map[change.Row]uint32, error)
	Routed(ctx context.Context, t *schema.Table, keys []string) (map[string]uint32, error)
}

// Look is rows of a table as they were read for a remote.
type Look struct {
	Items    []outbox.Item // that the remote has, or of whose deletes it hears
	Gone     []outbox.Item // that it is to have no more
	Idle     []outbox.Item // that need not go out: see Vanished, and rows that are only for a remote without them
	Waits    []outbox.Item // of which it is not recorded yet who has them
	Vanished int           // rows that are missing and that no trigger saw deleted
	client   string
	merges   bool     // the remote is told by which writes columns were made
	counters []string // that the remote is told about
	token    int64
	states   map[change.Row]change.State
	found    map[string][][]byte
}

// LookAt reads rows of a table for a remote. The versions are read before the rows, so that a row is never older than
// the version it is sent under: a newer one has a position of its own in the stream. Rows of the stream were read with
// theirs. What is said about who has the rows is as old as its token, which is taken before they are read as well.
// client is this node's name; no routes give each remote all rows.
func LookAt(ctx context.Context, in Reads, routes Routes, client string, to Target, t *schema.Table, items []outbox.Item) (*Look, error) {
	l := &Look{client: client, merges: to.Merges && !to.Single, counters: to.counters}
	var unknown []change.Row
	for i := range items {
		if items[i].Version.IsZero() {
			unknown = append(unknown, items[i].Row)
		}
	}
	var err error
	if l.states, err = in.States(ctx, unknown); err != nil {
		return nil, err
	}
	routed := routes != nil && routes.Routed(t.Name)
	if routed && to.Routes && !to.Single { // another would not know what it means
		l.token = routes.Token()
	}
	if l.found, l.Items, err = in.Rows(ctx, t, items); err != nil {
		return nil, err
	}
	if err := l.withoutVanished(ctx, in, t); err != nil {
		return nil, err
	}
	if err := l.withoutUncertain(ctx, in, t); err != nil {
		return nil, err
	}
	if routed {
		return l, l.withdraw(ctx, in, routes, to.Remote, t)
	}
	return l, nil
}

// Values returns a row as it was read; false if it is missing.
func (l *Look) Values(i outbox.Item) ([][]byte, bool) {
	values, ok := l.found[i.Key]
	return values, ok
}

// Over reports whether nothing goes out about an item: its row was only for a remote without it, and is missing. Its
// delete has a mark of its own.
func (l *Look) Over(i outbox.Item) bool {
	_, found := l.Values(i)
	return i.OnlyMissing && !found
}

// Outgoing begins what is sent of a row. One that was never written since the node keeps versions gets a version that
// any write is later than.
func (l *Look) Outgoing(i outbox.Item) Outgoing {
	o := outgoing(l.client, i, l.states)
	o.Token = l.token
	if !l.merges {
		o.Made = nil
	}
	counts := o.Counts
	o.Counts = nil
	for _, name := range l.counters { // one of which nothing is known is named, too
		o.Counts = o.Counts.With(counts.Of(name))
	}
	return o
}

// Withdrawal begins what is sent of a row that the remote is to have no more. One that does not know what that means,
// such as an existing peer, gets a delete.
func (l *Look) Withdrawal(i outbox.Item) Outgoing {
	o := l.Outgoing(i)
	o.Withdrawn = l.token != 0
	return o
}

func outgoing(client string, i outbox.Item, states map[change.Row]change.State) Outgoing {
	o := Outgoing{Change: change.Change{Row: i.Row, State: i.State, OnlyMissing: i.OnlyMissing}, Sent: outbox.Sent{Item: i}}
	if i.Version.IsZero() {
		o.State = states[i.Row]
	}
	if o.Version.IsZero() {
		o.Version = change.Version{Time: change.Baseline, Origin: client}
	}
	return o
}

// withoutVanished takes out the items whose rows are missing and that no trigger saw deleted, as with TRUNCATE: they
// are not sent as deletes. Promise 7. A delete that is not captured yet has a position of its own.
func (l *Look) withoutVanished(ctx context.Context, in Reads, t *schema.Table) error {
	var missing []change.Row
	var keys []string
	for i := range l.Items {
		if _, ok := l.Values(l.Items[i]); !ok && !l.Items[i].OnlyMissing {
			missing, keys = append(missing, l.Items[i].Row), append(keys, l.Items[i].Key)
		}
	}
	// In this order: what is captured in between has its new fate by then.
	uncaptured, err := in.Uncaptured(ctx, t.Name, keys)
	if err != nil {
		return err
	}
	fates, err := in.Fates(ctx, missing)
	if err != nil {
		return err
	}
	there := l.Items[:0:0]
	for _, i := range l.Items {
		if !fates[i.Row].Elsewhere() || len(uncaptured[i.Key]) > 0 {
			there = append(there, i)
			continue
		}
		l.Idle = append(l.Idle, i)
		if fates[i.Row] != version.Withdrawn { // whoever withdrew it has it
			l.Vanished++
		}
	}
	l.Items = there
	return nil
}

// withoutUncertain takes out the items of rows of whose counters nothing is known, and that may have been written since their
// version was made: the remote would take the new number for that of the version, and add what was counted since once more. They
// have a position of their own once that is captured.
func (l *Look) withoutUncertain(ctx context.Context, in Reads, t *schema.Table) error {
	if len(l.counters) == 0 {
		return nil
	}
	unknown := func(i outbox.Item) bool {
		_, there := l.Values(i)
		return there && len(l.state(i).Counts.Only(l.counters)) < len(l.counters)
	}
	written, err := l.writtenSince(ctx, in, t, unknown)
	if err != nil || len(written) == 0 {
		return err
	}
	sure := l.Items[:0:0]
	for _, i := range l.Items {
		if written[i.Row] {
			l.Idle = append(l.Idle, i)
			continue
		}
		sure = append(sure, i)
	}
	l.Items = sure
	return nil
}

// writtenSince returns the rows of some items that may have been written since their versions were made.
func (l *Look) writtenSince(ctx context.Context, in Reads, t *schema.Table, some func(outbox.Item) bool) (map[change.Row]bool, error) {
	var items []outbox.Item
	var rows []change.Row
	var keys []string
	for _, i := range l.Items {
		if some(i) {
			items, rows, keys = append(items, i), append(rows, i.Row), append(keys, i.Key)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	// In this order: what is captured in between has a new version by then.
	uncaptured, err := in.Uncaptured(ctx, t.Name, keys)
	if err != nil {
		return nil, err
	}
	states, err := in.States(ctx, rows)
	if err != nil {
		return nil, err
	}
	written := map[change.Row]bool{}
	for _, i := range items {
		if len(uncaptured[i.Key]) > 0 || states[i.Row].Version != l.state(i).Version {
			written[i.Row] = true
		}
	}
	return written, nil
}

// state returns the state under which a row is sent.
func (l *Look) state(i outbox.Item) change.State {
	if i.Version.IsZero() {
		return l.states[i.Row]
	}
	return i.State
}

// withdraw takes out the items that the remote is not to have.
//
// No remote is sent a row before it is recorded that it has it: if the row were written again before that is captured,
// no one would know that it must be taken back. A row of which nothing is recorded goes out only if no one has seen it being
// written. Nor is a row sent that the remote has lost, though that is not recorded yet. What only follows another row cannot be
// taken back before that is recorded to have moved: it may move back.
func (l *Look) withdraw(ctx context.Context, in Reads, routes Routes, remote string, t *schema.Table) error {
	var keys []string
	rows := make([]change.Row, len(l.Items))
	for at, i := range l.Items {
		if _, ok := l.Values(i); ok {
			keys = append(keys, i.Key)
		}
		rows[at] = i.Row
	}
	now, err := in.Routed(ctx, t, keys)
	if err != nil {
		return err
	}
	recorded, err := in.Labels(ctx, rows)
	if err != nil {
		return err
	}
	written, err := l.writtenSince(ctx, in, t, func(i outbox.Item) bool {
		_, there := now[i.Key]
		return there && recorded[i.Row] == 0 && !i.OnlyMissing
	})
	if err != nil {
		return err
	}
	stay := l.Items[:0:0]
	for _, i := range l.Items {
		known := recorded[i.Row] != 0
		had := routes.To(t.Name, recorded[i.Row], remote)
		has := had // if deleted, now or a moment ago: by what it was
		if label, ok := now[i.Key]; ok {
			has = routes.To(t.Name, label, remote)
		}
		switch {
		case has && written[i.Row]: // it may be the remote's only for now
			l.Waits = append(l.Waits, i)
		case has && (had || !known && !i.OnlyMissing): // a row that is not captured yet comes by the stream
			stay = append(stay, i)
		case had && routes.Follows(t.Name):
			l.Waits = append(l.Waits, i)
		case i.OnlyMissing:
			l.Idle = append(l.Idle, i)
		default:
			l.Gone = append(l.Gone, i)
		}
	}
	l.Items = stay
	return nil
}
