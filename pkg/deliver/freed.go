package deliver

import (
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

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
