package receive

import (
	"sync/atomic"
	"time"
)

// A version 1 change whose parent has not arrived waits in its lane, since such a sender does not retry; a change
// blocked by someone's lock waits as long as the lock is held.
const (
	holdTime  = 30 * time.Second
	holdMost  = 1000    // changes of one sender
	holdBytes = 8 << 20 // of one sender
	holdRetry = 500 * time.Millisecond
)

// Bounds of held changes across all senders; beyond these each sender may have a few. Promise 10.
const (
	heldMost  = holdMost
	heldBytes = 6 << 20
	heldFew   = 50
	heldSmall = 64 << 10
)

// held counts held changes across all senders. It is safe for concurrent use. Its zero value is ready.
type held struct{ rows, bytes atomic.Int64 }

func (h *held) add(rows, bytes int) {
	h.rows.Add(int64(rows))
	h.bytes.Add(int64(bytes))
}

// most returns how much may be held for one sender now.
func (h *held) most() (rows, bytes int) {
	rows, bytes = holdMost, holdBytes
	if h.rows.Load() > heldMost {
		rows = heldFew
	}
	if h.bytes.Load() > heldBytes {
		bytes = heldSmall
	}
	return rows, bytes
}
