package receive

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// freedMessage is how many rows are told of in one message that need not wait any more.
const freedMessage = 1000

// Freed takes in a row that a client was told to wait with, and that is applied by now: its sender need not try to find that out.
func (a *Answers) Freed(client string, r change.Row) { a.freed.Put(client, r) }

// TellFreed tells their senders.
func (a *Answers) TellFreed(ctx context.Context) {
	for client, rows := range a.freed.Take() {
		for len(rows) > 0 {
			part := rows[:wire.Within(len(rows), freedMessage, func(i int) int { return len(rows[i].Table) + len(rows[i].Key) + 30 })]
			rows = rows[len(part):]
			if err := a.send(ctx, client, wire.Ack{Freed: byKeys(part)}); err != nil {
				a.Log.Debug("could not report that rows need no longer wait", zap.String("remote", client), zap.Error(err))
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

// Bounds of what is told of rows that need not wait any more. What is beyond them, or does
// not arrive, is found out by its sender, later. Promise 10.
const (
	freedMost  = 50_000  // that wait to be told, or to be looked for
	freedBytes = 4 << 20 // of their keys
)

// Freed are rows that were refused because they had to wait, and are done: their senders
// need not try to find that out. It is safe for concurrent use.
type Freed struct {
	mu   sync.Mutex
	rows map[string][]change.Row // by the client that sent them
	many int
	size int // bytes of keys
}

// Put takes in a row.
func (f *Freed) Put(client string, r change.Row) {
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

// Take returns all of them.
func (f *Freed) Take() map[string][]change.Row {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows := f.rows
	f.rows, f.many, f.size = nil, 0, 0
	return rows
}
