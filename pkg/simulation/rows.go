package simulation

import (
	"context"
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// reads is a link's deliver.Rows: package render reads and judges the rows, and transforms none. A row contains the write that
// made it.
type reads struct{ l *link }

func (r reads) Render(_ context.Context, to render.Target, items []outbox.Item) (*render.Rendering, error) {
	d := &render.Rendering{}
	for _, t := range []*schema.Table{parents, children} {
		of := slices.DeleteFunc(slices.Clone(items), func(i outbox.Item) bool { return i.Table != t.Name })
		if len(of) == 0 {
			continue
		}
		if err := r.look(d, to, t, of); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// look renders rows of a table.
func (r reads) look(d *render.Rendering, to render.Target, t *schema.Table, items []outbox.Item) error {
	n, w := r.l.n, r.l.n.w
	in := &reading{n: n, d: d, found: map[string]row{}, stands: map[string]int{}}
	if w.mistake == RowBeforeVersion {
		if err := in.early(items); err != nil {
			return err
		}
	}
	l, err := render.LookAt(ctx, in, n.routes(), n.name, to.Counting(t.Name, w.counters), t, items)
	if err != nil {
		return err
	}
	for _, i := range l.Idle {
		d.Idle = append(d.Idle, outbox.Sent{Item: i})
	}
	for _, i := range l.Waits {
		d.Refused = append(d.Refused, render.Refusal{Item: i, Reject: wire.Reject{Message: "it moves", Retry: true}})
	}
	for _, i := range l.Gone {
		o := l.Withdrawal(i)
		o.ID = strconv.Itoa(in.found[i.Key].write)
		d.Outgoing = append(d.Outgoing, o)
	}
	for _, i := range l.Items {
		o, found := l.Outgoing(i), in.found[i.Key]
		if w.mistake == RowBeforeVersion && !n.db.versions[w.keyOf(i.Row)].Version.IsZero() {
			o.State = n.db.versions[w.keyOf(i.Row)].State
		}
		switch {
		case w.keyOf(i.Row) == w.private && w.mistake != ShowPrivate, l.Over(i):
			d.Idle = append(d.Idle, o.Sent)
			continue
		case !w.calm && w.r.Float64() < w.refuse/4:
			d.Refused = append(d.Refused, render.Refusal{Item: o.Sent.Item, Reject: wire.Reject{Message: "the script failed", Retry: w.r.IntN(2) == 0}})
			continue
		}
		if o.ID = strconv.Itoa(found.write); found.exists {
			o.Columns, o.Values = parents.Names(), found.values
			r.l.checkPart(i.Row, found)
		}
		stands, ok := in.stands[i.Key]
		if !ok {
			stands = n.standsFor(w.keyOf(i.Row), o.Version)
		}
		if found.write != none && found.write != stands {
			w.history[found.write].early = true
		}
		d.Outgoing = append(d.Outgoing, o)
	}
	return nil
}

// reading is a node's render.Reads.
type reading struct {
	n      *node
	d      *render.Rendering
	found  map[string]row
	stands map[string]int // the writes of the versions read
	read   bool           // only for RowBeforeVersion
}

// early reads the rows before their versions.
func (x *reading) early(items []outbox.Item) error {
	_, _, err := x.Rows(ctx, nil, items)
	x.read = true
	return err
}

func (x *reading) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	states := map[change.Row]change.State{}
	if err := x.n.step(); err != nil {
		return nil, err
	}
	for _, r := range rows {
		v := x.n.db.versions[x.n.w.keyOf(r)]
		states[r], x.stands[r.Key] = v.State, v.stands
	}
	return states, nil
}

func (x *reading) Rows(_ context.Context, _ *schema.Table, items []outbox.Item) (map[string][][]byte, []outbox.Item, error) {
	n := x.n
	if err := n.step(); err != nil {
		return nil, nil, err
	}
	if len(items) > 1 && n.w.r.Float64() < n.w.large {
		x.d.Partial = true
		items = items[:1+n.w.r.IntN(len(items)-1)]
	}
	values := map[string][][]byte{}
	for _, i := range items {
		if !x.read {
			x.found[i.Key] = n.db.rows[n.w.keyOf(i.Row)]
		}
		if r := x.found[i.Key]; r.exists {
			values[i.Key] = r.values
		}
	}
	return values, items, nil
}

func (x *reading) Uncaptured(_ context.Context, table string, keys []string) (map[string][]capture.Entry, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if x.n.w.mistake == SendUnseen {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return x.found[key].exists })
	}
	if x.n.source != nil {
		return x.n.byKey(x.n.asks(table, keys))
	}
	return x.n.uncaptured(keys), x.n.step()
}

func (x *reading) Fates(_ context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	fates := map[change.Row]version.Fate{}
	if len(rows) == 0 {
		return fates, nil
	}
	for _, r := range rows {
		fates[r] = x.n.db.versions[x.n.w.keyOf(r)].fate
	}
	return fates, x.n.step()
}

func (x *reading) Labels(_ context.Context, rows []change.Row) (map[change.Row]uint32, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	return x.n.labels(rows), x.n.step()
}

func (x *reading) Routed(_ context.Context, t *schema.Table, keys []string) (map[string]uint32, error) {
	if x.n.w.mistake == JudgeByLast {
		now := map[string]uint32{}
		for _, key := range keys {
			row := change.Row{Table: t.Name, Key: key}
			now[key] = x.n.labels([]change.Row{row})[row]
		}
		return now, x.n.step()
	}
	return x.n.router.ReadIn(ctx, &routeTx{n: x.n, row: x.n.see}, t.Name, keys)
}

// routes are none where there is no router.
func (n *node) routes() render.Routes {
	if n.router == nil {
		return nil
	}
	return n.router
}

// hasty are routes of which it is always taken to be known who has what.
type hasty struct{ *route.Router }

func (hasty) Ready(string) bool { return true }
func (hasty) Unready() []string { return nil }

func (r reads) Transforms(table string) bool { return r.l.n.w.transforms(table) }

// transforms reports that of a private row: its table has a transformer, which holds it back.
func (w *world) transforms(table string) bool {
	return w.private >= 0 && w.rows[w.private].Table == table
}

func (r reads) Transformed() []string { return nil }

func (r reads) Note(context.Context, string, *outbox.Noting) (int, bool, error) { return 0, true, nil }

// tables are the tables of all nodes: a key is its own ID.
type tables struct{}

func (tables) Identify(context.Context, []change.Row) error { return nil }
func (tables) ID(_ context.Context, r change.Row) string    { return r.Key }
func (tables) Spelled(context.Context, string) bool         { return false }
func (tables) Parents(_ context.Context, table string) []string {
	if table == children.Name {
		return []string{parents.Name}
	}
	return nil
}
func (tables) Aside(string) error          { return nil }
func (tables) SetAside(string, error) bool { return false }
func (tables) ParentsFirst(_ context.Context, list []string) (groups [][]string, err error) {
	return schema.ParentsFirst(list, func(table string) []schema.ForeignKey {
		if table == children.Name {
			return children.ForeignKeys
		}
		return nil
	}), nil
}

// counters counts nothing.
type counters struct{}

func (counters) Published(string)                   {}
func (counters) Sent(string, int, func(int) string) {}
func (counters) Refused(string, []outbox.Failure)   {}
func (counters) Unanswered(string, int)             {}

var _ deliver.Counters = counters{}
