package simulation

import (
	"context"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// reads is a link's deliver.Rows: it reads rows as package render does, versions first, so that a row is never older than the version it
// goes under. What a row holds is the write that made it.
type reads struct{ l *link }

func (r reads) Render(_ context.Context, _ render.Target, items []outbox.Item) (*render.Rendering, error) {
	n, w := r.l.n, r.l.n.w
	d := &render.Rendering{}
	if len(items) > 1 && w.r.Float64() < w.large {
		d.Partial = true
		items = items[:1+w.r.IntN(len(items)-1)]
	}
	list := make([]render.Outgoing, len(items))
	stands := make([]int, len(items))
	found := make([]row, len(items))
	versions := func() {
		for i, item := range items {
			o, v := &list[i], n.db.versions[w.keyOf(item.Row)]
			stands[i] = n.standsFor(w.keyOf(item.Row), item.State.Version)
			*o = render.Outgoing{Change: change.Change{Row: item.Row, State: item.State, OnlyMissing: item.OnlyMissing}, Sent: outbox.Sent{Item: item}}
			if o.Version.IsZero() || w.mistake == RowBeforeVersion {
				o.State, stands[i] = v.State, v.stands
			}
			if o.Version.IsZero() {
				o.Version = change.Version{Time: change.Baseline, Origin: n.name}
			}
		}
	}
	rows := func() {
		for i, item := range items {
			found[i] = n.db.rows[w.keyOf(item.Row)]
		}
	}
	order := []func(){versions, rows}
	if w.mistake == RowBeforeVersion {
		order = []func(){rows, versions}
	}
	for _, read := range order {
		if err := n.step(); err != nil {
			return nil, err
		}
		read()
	}
	for i := range list {
		o := &list[i]
		key := w.keyOf(o.Row)
		switch {
		case key == w.private && w.mistake != ShowPrivate, o.OnlyMissing && !found[i].exists:
			d.Idle = append(d.Idle, o.Sent)
			continue
		case !w.calm && w.r.Float64() < w.refuse/4:
			d.Refused = append(d.Refused, render.Refusal{Item: o.Sent.Item, Reject: wire.Reject{Message: "the script failed", Retry: w.r.IntN(2) == 0}})
			continue
		}
		if o.ID = strconv.Itoa(found[i].write); found[i].exists {
			o.Columns, o.Values = parents.Names(), found[i].values
		}
		if found[i].write != none && found[i].write != stands[i] {
			w.history[found[i].write].early = true
		}
		d.Outgoing = append(d.Outgoing, *o)
	}
	return d, nil
}

// Transforms reports that of a private row: its table has a transformer, which holds it back.
func (r reads) Transforms(table string) bool {
	return r.l.n.w.private >= 0 && r.l.n.row(r.l.n.w.private).Table == table
}

func (r reads) Transformed() []string { return nil }

func (r reads) Note(context.Context, string, *outbox.Noting) (int, bool, error) { return 0, true, nil }

// tables are those of all nodes: a key is its own ID.
type tables struct{}

func (tables) Identify(context.Context, []change.Row) error { return nil }
func (tables) ID(_ context.Context, r change.Row) string    { return r.Key }
func (tables) Parents(_ context.Context, table string) []string {
	if table == children.Name {
		return []string{parents.Name}
	}
	return nil
}
func (tables) SetAside(string, error) bool { return false }
func (tables) ParentsFirst(_ context.Context, list []string) (groups [][]string, err error) {
	return schema.ParentsFirst(list, func(table string) []schema.ForeignKey {
		if table == children.Name {
			return children.ForeignKeys
		}
		return nil
	}), nil
}

// counters count nothing.
type counters struct{}

func (counters) Published(string)                   {}
func (counters) Sent(string, int, func(int) string) {}
func (counters) Refused(string, []outbox.Failure)   {}
func (counters) Unanswered(string, int)             {}

var _ deliver.Counters = counters{}
