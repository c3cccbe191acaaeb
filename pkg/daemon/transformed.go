package daemon

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// transformRows runs the table's script for each row, or for the first ones where it makes
// large rows of them. Promise 10.
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
		o, send, again, err := list[k], false, false, error(nil)
		if asks(&o, found[i.Key]) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if len(results) == 0 {
				d.partial, d.bytes = true, readBytes // of other tables too one row at the most is read
				break
			}
			send, err = n.sendAs(ctx, &o, remote, t, calls[0], results[0], held[i.Row])
			again = transform.Transient(results[0].Err)
			calls, results = calls[1:], results[1:]
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			d.failed = append(d.failed, n.senders[remote].failure(i, wire.Reject{Message: err.Error(), Retry: again}))
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
