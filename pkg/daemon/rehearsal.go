package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// loadRehearsal loads the scripts once more, to be asked what they would make of a
// row: what they write is not written, and what they publish not published.
func (n *Node) loadRehearsal() error {
	n.rehearsal = transform.New(zap.NewNop(), render.OnlyReading{Guests: n.guests}, silent{}, transform.Config{Directory: n.cfg.TransformerDirectory, MaxRow: n.cfg.LargestRow()})
	if err := n.rehearsal.Load(n.allTables()); err != nil {
		return fmt.Errorf("transformerDirectory: %w", err)
	}
	return nil
}

// rehearse returns what would become of those rows that are here, if they were sent to
// a remote; nil if nothing changes the table's rows on their way there.
func (n *Node) rehearse(ctx context.Context, remote string, t *schema.Table, keys [][]byte, values bool) (map[string]render.Rehearsed, error) {
	if !n.transformsFor(remote, t.Name) {
		return nil, nil
	}
	return n.rehearser.Rehearse(ctx, remote, t, keys, values)
}

// rehearseTaking returns what becomes of a remote's row, which was never here, on its way
// into the table. One that this node has sent under another key comes back as that.
func (n *Node) rehearseTaking(ctx context.Context, remote string, t *schema.Table, key string) (way string, err error) {
	id, err := t.ID(key)
	if err != nil {
		return wire.WayFailed, nil
	}
	if sent, err := n.outbox.SentUnder(ctx, remote, t.Name, id); err != nil || sent {
		return wire.WayRekeyed, err
	}
	if !n.cfg.Receives(t.Name) {
		return "", nil
	}
	var names []string
	var row [][]byte
	err = n.askValues(ctx, remote, wire.Question{Table: t.Name, Columns: t.Names(), Keys: [][]byte{[]byte(key)}}, func(a wire.Answer) {
		for i, stored := range a.Values[0].Values {
			if !slices.Contains(a.Values[0].Untold, i) {
				names, row = append(names, t.Columns[i].Name), append(row, stored)
			}
		}
	})
	if errors.As(err, new(errAnswered)) {
		return wire.WayFailed, nil // as where it is too large to be told
	}
	if err != nil || row == nil {
		return "", err
	}
	in, err := n.decoder(n.rehearsal).Encode(ctx, t, apply.Incoming{From: remote}, id, receive.Decode(t, names, row, n.zone))
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

// transformsFor reports whether a transformer has a say in what a remote gets of a table.
func (n *Node) transformsFor(remote, table string) bool {
	return n.sends(remote, table) && n.transformers.Has(table)
}

// sends reports whether a remote is sent a table.
func (n *Node) sends(remote, table string) bool {
	return n.senders[remote] != nil && n.cfg.Syncs(table)
}

// silent is a Publisher that publishes nothing.
type silent struct{}

func (silent) Publish(context.Context, string, []byte, byte, bool) error { return nil }
