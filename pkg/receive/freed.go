package receive

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// freedMessage is how many freed rows one message reports.
const freedMessage = 1000

// Freed records a row that a client was told to hold back and that has been applied since: its sender need not keep
// probing.
func (a *Answers) Freed(client string, r change.Row) { a.freed.Put(client, r) }

// TellFreed tells senders about their freed rows.
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

// Bounds of the freed rows to report. Senders find out by themselves, later, about rows beyond them or whose message is
// lost. Promise 10.
const (
	freedMost  = 50_000  // waiting to be reported or looked up
	freedBytes = 4 << 20 // of their keys
)

// Freed holds rows that were refused because they had to wait and are done now: their senders need not keep probing. It
// is safe for concurrent use.
type Freed struct {
	mu   sync.Mutex
	rows map[string][]change.Row // by the client that sent them
	many int
	size int // bytes of keys
}

// Put adds a row.
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

// Take removes and returns all rows.
func (f *Freed) Take() map[string][]change.Row {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows := f.rows
	f.rows, f.many, f.size = nil, 0, 0
	return rows
}
