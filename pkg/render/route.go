package render

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// way is how rows of a table are routed to a remote. The zero way gives it all of them.
type way struct {
	routed bool
	token  int64 // of what is said about them; 0: the remote would not know what it means
}

// route returns the way of a table's rows. Its token is taken before they are read: what is said of them later counts.
func (n *Renderer) route(table string, to Target) (w way) {
	if n.Routes == nil || !n.Routes.Routed(table) {
		return w
	}
	w.routed = true
	if to.Routes && !to.Single {
		w.token = n.Routes.Token()
	}
	return w
}

// withdraw returns the items that the remote is to have, as they are now, and takes the others away from it. One that does
// not know how that is done, such as an existing peer, gets a delete.
func (n *Renderer) withdraw(ctx context.Context, d *Rendering, to Target, w way, t *schema.Table, items []outbox.Item,
	states map[change.Row]change.State, found map[string][][]byte) ([]outbox.Item, error) {
	if !w.routed {
		return items, nil
	}
	var keys []string
	var missing, theirs []change.Row
	for _, i := range items {
		if _, ok := found[i.Key]; ok {
			keys = append(keys, i.Key)
		} else {
			missing = append(missing, i.Row)
		}
	}
	now, err := n.Routes.Read(ctx, n.DB, t, keys)
	if err != nil {
		return nil, err
	}
	last, err := version.Labels(ctx, n.DB, missing)
	if err != nil {
		return nil, err
	}
	stay := items[:0:0]
	var gone []outbox.Item
	for _, i := range items {
		label, ok := now[i.Key]
		if !ok {
			label = last[i.Row] // deleted, now or a moment ago: by what it was
		}
		switch {
		case n.Routes.To(t.Name, label, to.Remote):
			stay = append(stay, i)
		case i.OnlyMissing:
			d.Idle = append(d.Idle, outbox.Sent{Item: i})
		default:
			gone, theirs = append(gone, i), append(theirs, i.Row)
		}
	}
	held := map[change.Row]string{}
	if n.Transformers.Has(t.Name) {
		if held, err = n.Sent.SentAs(ctx, to.Remote, t.Name, theirs); err != nil {
			return nil, err
		}
	}
	for _, i := range gone {
		o := n.outgoing(i, states)
		o.Withdrawn, o.Token = w.token != 0, w.token
		if o.ID, err = t.ID(o.Key); err != nil {
			return nil, err
		}
		if as := held[i.Row]; as != "" {
			if _, err := n.delete(&o, t, as); err != nil {
				return nil, err
			}
		}
		d.Outgoing = append(d.Outgoing, o)
	}
	return stay, nil
}
