package render

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

// transformRows runs the table's script for each row, or only for the first ones if it makes large rows of them.
// Promise 10.
func (n *Renderer) transformRows(ctx context.Context, d *Rendering, to Target, t *schema.Table, items []outbox.Item,
	states map[change.Row]change.State, found map[string][][]byte) error {
	rows := make([]change.Row, len(items))
	for i := range items {
		rows[i] = items[i].Row
	}
	held, err := n.Sent.SentAs(ctx, to.Remote, t.Name, rows)
	if err != nil {
		return err
	}
	list, calls := make([]Outgoing, len(items)), make([]transform.Call, 0, len(items))
	for k, i := range items {
		list[k] = n.outgoing(i, states)
		if !to.Merges || to.Single {
			list[k].Made = nil
		}
		list[k].Counts = nil // a table with counters has no transformer
		if asks(&list[k], found[i.Key]) {
			calls = append(calls, n.callOf(&list[k], to.Remote, t, found[i.Key]))
		}
	}
	results := n.Transformers.ApplyAll(ctx, t.Name, calls)
	var sending []outbox.Sent
	for k, i := range items {
		o, send, again, err := list[k], false, false, error(nil)
		if asks(&o, found[i.Key]) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if len(results) == 0 {
				d.Partial, d.bytes = true, readBytes // of other tables too one row at the most is read
				break
			}
			send, err = n.sendAs(ctx, &o, to, t, calls[0], results[0], found[i.Key], held[i.Row])
			again = transform.Transient(err)
			calls, results = calls[1:], results[1:]
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			d.refuse(i, wire.Reject{Message: err.Error(), Retry: again})
		case !send:
			d.Idle = append(d.Idle, o.Sent)
		default:
			d.Outgoing = append(d.Outgoing, o)
			if o.Sent.Gone || o.Sent.As != held[i.Row] { // otherwise it is recorded
				sending = append(sending, o.Sent)
			}
		}
	}
	return n.Sent.Sending(ctx, to.Remote, sending)
}

// asks reports whether the script is consulted: the delete of a row that is for a remote without it has a mark of its
// own.
func asks(o *Outgoing, values [][]byte) bool { return values != nil || !o.OnlyMissing }

// callOf returns the call of a row's script; without values it is that of a delete.
func (n *Renderer) callOf(o *Outgoing, remote string, t *schema.Table, values [][]byte) transform.Call {
	id, _ := t.ID(o.Key) // sendAs reports a key that cannot be shown
	call := transform.Call{Table: t.Name, ID: id, Source: n.Client, Target: remote}
	if values != nil {
		call.Entity = receive.Decode(t, t.Names(), values, n.Zone)
	}
	return call
}

// transformRow makes the row that the remote should have; held is the id under which it has the row now, or empty. send
// is false if the remote neither has the row nor should have it.
func (n *Renderer) transformRow(ctx context.Context, o *Outgoing, to Target, t *schema.Table, values [][]byte, held string) (send bool, err error) {
	if !asks(o, values) {
		return false, nil
	}
	call := n.callOf(o, to.Remote, t, values)
	return n.sendAs(ctx, o, to, t, call, n.Transformers.ApplyAll(ctx, t.Name, []transform.Call{call})[0], values, held)
}

// sendAs turns a script's result for a row with these values into what the remote should have, like transformRow.
func (n *Renderer) sendAs(ctx context.Context, o *Outgoing, to Target, t *schema.Table, call transform.Call, r transform.Result, values [][]byte, held string) (send bool, err error) {
	if _, err := t.ID(o.Key); err != nil {
		return false, err
	}
	if call.Entity == nil {
		return n.transformedDelete(o, t, call, r, held)
	}
	entity, err := r.Entity, r.Err
	if errors.Is(err, transform.ErrDropped) {
		return n.takeAway(ctx, o, to, t, call, held)
	}
	if err != nil {
		return false, err
	}
	if o.Columns, o.Values = t.Names(), values; !r.Same {
		if err := n.encode(o, t, entity); err != nil {
			return false, err
		}
	}
	if o.Key, err = t.KeyOf(o.Columns, o.Values); err != nil {
		return false, err
	}
	o.Entity = entity
	if err := n.singleForm(t, o); err != nil {
		return false, err
	}
	if held != "" && held != o.ID {
		// Under another id it is another row there: the old one is deleted first.
		o.Entity, o.Columns, o.Values = nil, nil, nil
		o.Sent.Moved = true
		return n.delete(o, t, held)
	}
	o.Sent.As = o.ID
	return true, nil
}

// encode gives a row the values of an entity.
func (n *Renderer) encode(o *Outgoing, t *schema.Table, entity value.Entity) (err error) {
	o.Columns, o.Values = make([]string, len(entity)), make([][]byte, len(entity))
	for i, f := range entity {
		c, ok := t.Column(f.Name)
		if !ok { // the target may have columns of its own
			c = &value.Column{Name: f.Name, Kind: value.Text}
		}
		o.Columns[i] = f.Name
		if o.Values[i], err = c.Encode(f.Value, n.Zone); err != nil {
			return err
		}
	}
	return nil
}

func (n *Renderer) transformDelete(ctx context.Context, o *Outgoing, t *schema.Table, call transform.Call, held string) (bool, error) {
	return n.transformedDelete(o, t, call, n.Transformers.ApplyAll(ctx, t.Name, []transform.Call{call})[0], held)
}

func (n *Renderer) transformedDelete(o *Outgoing, t *schema.Table, call transform.Call, r transform.Result, held string) (bool, error) {
	if errors.Is(r.Err, transform.ErrDropped) {
		o.Sent.Gone = true
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

// takeAway sends a delete if the remote may have a row that is not for it: if it was sent the row, or wrote it before
// someone else did. It goes under the id that the row then has there: the one it was sent under, or the one a delete of
// it would go under. What the remote itself wrote last stays there, and a table sent for its missing rows does not
// delete what it does not give.
func (n *Renderer) takeAway(ctx context.Context, o *Outgoing, to Target, t *schema.Table, call transform.Call, held string) (send bool, err error) {
	switch {
	case o.State.WrittenBy(to.Remote), o.OnlyMissing:
		return false, nil
	case held != "":
		send, err := n.delete(o, t, held)
		if at := o.Sent.Position; at > 0 && at <= to.Begun {
			// It may have been sent before this run, under this very version, and then the delete does nothing there:
			// what is known of it stays.
			o.Sent.Gone, o.Sent.As = false, held
		}
		return send, err
	case o.Seen.Latest(to.Remote) > 0:
		call.Entity = nil
		return n.transformDelete(ctx, o, t, call, "")
	}
	o.Sent.Gone = true
	return false, nil
}

func (n *Renderer) delete(o *Outgoing, t *schema.Table, id string) (send bool, err error) {
	o.Sent.Gone = true
	o.ID = id
	o.Key, err = t.ParseID(id)
	return true, err
}
