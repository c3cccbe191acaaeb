package verify

import (
	"context"
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// rehearse returns what the existing rows would become if they were sent to a remote; nil if nothing changes the
// table's rows on their way there.
func (vf *Verifier) rehearse(ctx context.Context, remote string, t *schema.Table, keys [][]byte, values bool) (map[string]render.Rehearsed, error) {
	if !vf.transformsFor(remote, t.Name) {
		return nil, nil
	}
	return vf.Rehearser.Rehearse(ctx, remote, t, keys, values)
}

// rehearseTaking returns what a remote's row, which was never here, becomes on its way into the table. One that this
// node has sent under another key comes back as that.
func (vf *Verifier) rehearseTaking(ctx context.Context, remote string, t *schema.Table, key string) (way string, err error) {
	id, err := t.ID(key)
	if err != nil {
		return wire.WayFailed, nil
	}
	if sent, err := vf.Outbox.SentUnder(ctx, remote, t.Name, id); err != nil || sent {
		return wire.WayRekeyed, err
	}
	if !vf.Node.Receives(t.Name) {
		return "", nil
	}
	var names []string
	var row [][]byte
	err = vf.askValues(ctx, remote, wire.Question{Table: t.Name, Columns: t.Names(), Keys: [][]byte{[]byte(key)}}, func(a wire.Answer) {
		for i, stored := range a.Values[0].Values {
			if !slices.Contains(a.Values[0].Untold, i) {
				names, row = append(names, t.Columns[i].Name), append(row, stored)
			}
		}
	})
	if errors.As(err, new(errAnswered)) {
		return wire.WayFailed, nil // for example if it is too large to be told
	}
	if err != nil || row == nil {
		return "", err
	}
	in, err := vf.Decoder.Encode(ctx, t, apply.Incoming{From: remote}, id, receive.Decode(t, names, row, vf.Decoder.Zone))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, transform.ErrDropped):
		return wire.WayHeld, nil
	case err != nil:
		return wire.WayFailed, nil
	case in.Key != key:
		return wire.WayRekeyed, nil
	}
	return "", nil
}

// transformsFor reports whether a transformer affects what a remote gets of a table.
func (vf *Verifier) transformsFor(remote, table string) bool {
	return vf.sends(remote, table) && vf.Rows.Transforms(table)
}
