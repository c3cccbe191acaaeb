package daemon

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what is told of rows that need not wait any more. What is beyond them, or does
// not arrive, is found out by its sender, later. Promise 10.
const (
	freedMost    = 50_000  // that wait to be told, or to be looked for
	freedBytes   = 4 << 20 // of their keys
	freedMessage = 1000    // in one message
)

// freed are rows that were refused because they had to wait, and are done: their senders
// need not try to find that out. It is safe for concurrent use.
type freed struct {
	mu   sync.Mutex
	rows map[string][]change.Row // by the client that sent them
	many int
	size int // bytes of keys
}

// put takes in a row.
func (f *freed) put(client string, r change.Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.many >= freedMost || f.size+len(r.Key) > freedBytes {
		return
	}
	f.many++
	f.size += len(r.Key)
	if f.rows == nil {
		f.rows = map[string][]change.Row{}
	}
	f.rows[client] = append(f.rows[client], r)
}

// take returns all of them.
func (f *freed) take() map[string][]change.Row {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows := f.rows
	f.rows, f.many, f.size = nil, 0, 0
	return rows
}

// tellFreed tells their senders.
func (n *Node) tellFreed(ctx context.Context) {
	for client, rows := range n.freed.take() {
		for len(rows) > 0 {
			part := rows[:wire.Within(len(rows), freedMessage, func(i int) int { return len(rows[i].Table) + len(rows[i].Key) + 30 })]
			rows = rows[len(part):]
			payload, err := n.mesh.Seal(seal.Ack, client, wire.Ack{Freed: byKeys(part)}.Encode())
			if err == nil {
				_, err = n.transport.PublishAsync(ctx, transport.Message{Topic: n.topics.AckOf(client, n.cfg.ClientName), Payload: payload, QoS: 1})
			}
			if err != nil {
				n.log.Debug("it could not be told that rows need not wait any more", zap.String("remote", client), zap.Error(err))
				break
			}
		}
	}
}

// byKeys sorts rows by table.
func byKeys(rows []change.Row) (list []wire.Freed) {
	at := map[string]int{}
	for _, r := range rows {
		i, ok := at[r.Table]
		if !ok {
			i = len(list)
			at[r.Table] = i
			list = append(list, wire.Freed{Table: r.Table})
		}
		list[i].Keys = append(list[i].Keys, []byte(r.Key))
	}
	return list
}

// tryFreed has the rows tried again of which the remote has said that it has them by now.
func (s *sender) tryFreed(ctx context.Context) error {
	for _, rows := range s.freed.take() {
		for len(rows) > 0 {
			part := rows[:min(freedMessage, len(rows))]
			rows = rows[len(part):]
			if err := s.n.tables.Identify(ctx, part); err != nil {
				return err
			}
			found, err := s.n.outbox.RetryRows(ctx, s.remote, part)
			if err != nil {
				return err
			}
			if found > 0 {
				s.marks.found()
			}
		}
	}
	return nil
}
