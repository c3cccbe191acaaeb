package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// rehearsed is what becomes of a row on its way to a remote, as a transformer has it.
type rehearsed struct {
	way     string // one of wire's; empty: the row goes as it is
	columns []string
	values  [][]byte
}

// loadRehearsal loads the scripts once more, to be asked what they would make of a
// row: what they write is not written, and what they publish not published.
func (n *Node) loadRehearsal() error {
	n.rehearsal = transform.New(zap.NewNop(), onlyReading{n.guests}, silent{}, transform.Config{Directory: n.cfg.TransformerDirectory, MaxRow: maxRow(n.cfg)})
	if err := n.rehearsal.Load(n.allTables()); err != nil {
		return fmt.Errorf("transformerDirectory: %w", err)
	}
	return nil
}

// rehearse returns what would become of those rows that are here, if they were sent to
// a remote; nil if nothing changes the table's rows on their way there.
func (n *Node) rehearse(ctx context.Context, remote string, t *schema.Table, keys [][]byte, values bool) (map[string]rehearsed, error) {
	if !n.transformsFor(remote, t.Name) {
		return nil, nil
	}
	return n.rehearseFor(ctx, remote, t, keys, values)
}

// rehearseFor is rehearse for any client, whether it is a remote or not. The values that would be sent are wanted or not.
func (n *Node) rehearseFor(ctx context.Context, remote string, t *schema.Table, keys [][]byte, wanted bool) (map[string]rehearsed, error) {
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err := n.tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	items := make([]outbox.Item, len(keys))
	for i, r := range rows {
		items[i].Row = r
	}
	stage := &Node{cfg: n.cfg, zone: n.zone, transformers: n.rehearsal}
	list := map[string]rehearsed{}
	for len(items) > 0 {
		var d rendering
		found, read, err := n.readRows(ctx, t, items, &d)
		if err != nil {
			return nil, err
		}
		for _, i := range read {
			values, here := found[i.Key]
			if !here {
				continue
			}
			o := outgoing{Change: change.Change{Row: i.Row}}
			send, err := stage.transformRow(ctx, &o, remote, t, values, "")
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil:
				list[i.Key] = rehearsed{way: wire.WayFailed}
			case !send:
				list[i.Key] = rehearsed{way: wire.WayHeld}
			case o.Key != i.Key:
				list[i.Key] = rehearsed{way: wire.WayRekeyed}
			default:
				x := rehearsed{}
				if !sameEntity(t, values, &o) {
					x.way = wire.WayChanged
				}
				if wanted {
					x.columns, x.values = o.Columns, o.Values
				}
				list[i.Key] = x
			}
		}
		items = items[len(read):]
	}
	return list, nil
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
	stage := &Node{cfg: n.cfg, zone: n.zone, transformers: n.rehearsal}
	in, err := stage.decoder().Encode(ctx, t, apply.Incoming{From: remote}, id, receive.Decode(t, names, row, n.zone))
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
	return n.senders[remote] != nil && n.cfg.Syncs(table) && n.transformers.Has(table)
}

// sameEntity reports whether a row goes out as it is stored.
func sameEntity(t *schema.Table, values [][]byte, o *outgoing) bool {
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

// silent is a Publisher that publishes nothing.
type silent struct{}

func (silent) Publish(context.Context, string, []byte, byte, bool) error { return nil }
