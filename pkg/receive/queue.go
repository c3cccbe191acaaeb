package receive

import (
	"sync"
	"sync/atomic"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// message is a delivery that waits to be applied.
type message struct {
	topic   wire.Topic
	sender  string
	payload []byte
	whole   []wire.Piece // of a reassembled batch that waits for room
	ack     func()       // to the broker
	kept    bool         // retained by the broker from before the node subscribed
}

// frame is roughly what a message takes besides its payload, in bytes.
const frame = 512

func (m *message) size() int { return len(m.payload) + frame }

// queued counts what is in the queues of all senders.
type queued struct {
	bytes       atomic.Int64
	lane, least int // the limit of one queue, and what each may have whatever the others use; constant
}

// most returns how many bytes a queue may have now; crowded means that there are so many queues that each message
// counts.
func (q *queued) most() (bytes int, crowded bool) {
	if q.bytes.Load() > int64(q.lane+queueMore) {
		return q.least, true
	}
	return q.lane, false
}

// queue holds one sender's messages, up to a number of bytes. It is safe for concurrent use.
type queue struct {
	all  *queued
	kick chan struct{}

	mu    sync.Mutex
	list  []message
	bytes int
}

func newQueue(all *queued) *queue { return &queue{all: all, kick: make(chan struct{}, 1)} }

// put queues a message, or returns false if too much waits already. An empty queue accepts any message, unless the
// others hold too much.
func (q *queue) put(m message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if most, crowded := q.all.most(); q.bytes+m.size() > most && (crowded || len(q.list) > 0) {
		return false
	}
	q.list = append(q.list, m)
	q.bytes += m.size()
	q.all.bytes.Add(int64(m.size()))
	q.wake()
	return true
}

func (q *queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// next removes the message at the front; ok is false if there is none.
func (q *queue) next() (m message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return m, false
	}
	m, q.list[0] = q.list[0], message{}
	q.list = q.list[1:]
	q.bytes -= m.size()
	q.all.bytes.Add(-int64(m.size()))
	if len(q.list) == 0 {
		q.list = nil // frees the array
	}
	return m, true
}
