package render

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Rehearsed is what a transformer makes of a row on its way to a remote.
type Rehearsed struct {
	Way     string // one of wire's; empty: the row goes as it is
	Columns []string
	Values  [][]byte
}

// Rehearse returns what the existing rows, by key, would become if they were sent to a client, whether it is a remote
// or not. Nothing is recorded. wanted says whether to return the values that would be sent.
func (n *Renderer) Rehearse(ctx context.Context, remote string, t *schema.Table, keys [][]byte, wanted bool) (map[string]Rehearsed, error) {
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err := n.Tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	items := make([]outbox.Item, len(keys))
	for i, r := range rows {
		items[i].Row = r
	}
	list := map[string]Rehearsed{}
	for len(items) > 0 {
		var d Rendering
		found, read, err := n.readRows(ctx, t, items, &d)
		if err != nil {
			return nil, err
		}
		for _, i := range read {
			values, here := found[i.Key]
			if !here {
				continue
			}
			o := Outgoing{Change: change.Change{Row: i.Row}}
			send, err := n.transformRow(ctx, &o, Target{Remote: remote}, t, values, "")
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil:
				list[i.Key] = Rehearsed{Way: wire.WayFailed}
			case !send:
				list[i.Key] = Rehearsed{Way: wire.WayHeld}
			case o.Key != i.Key:
				list[i.Key] = Rehearsed{Way: wire.WayRekeyed}
			default:
				x := Rehearsed{}
				if !sameEntity(t, values, &o) {
					x.Way = wire.WayChanged
				}
				if wanted {
					x.Columns, x.Values = o.Columns, o.Values
				}
				list[i.Key] = x
			}
		}
		items = items[len(read):]
	}
	return list, nil
}

// sameEntity reports whether a row goes out as it is stored.
func sameEntity(t *schema.Table, values [][]byte, o *Outgoing) bool {
	if len(o.Columns) != len(t.Columns) {
		return false
	}
	for i, name := range o.Columns {
		at := t.Index(name)
		if at < 0 || !t.Columns[at].Equal(values[at], o.Values[i]) {
			return false
		}
	}
	return true
}
