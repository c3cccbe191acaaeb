package daemon

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	ackGap  = time.Second // between two answers about one row: an existing peer fails on two at once
	ackMost = 10_000      // answers kept for a client that is offline
	ackEach = 1 << 20     // bytes of them
	ackAll  = 4 << 20     // bytes of those for all clients
)

// ackFrame is about what an answer takes in memory beside its texts, in bytes.
const ackFrame = 400

func ackSize(i *wire.Info) int { return ackFrame + 2*(len(i.Table)+len(i.ID)) + len(i.Error) }

// acks answers the changes of version 1. An answer to a client that is offline
// waits until it is back; of several about one row the last one counts.
type acks struct {
	n    *Node
	kick chan struct{}

	mu      sync.Mutex
	waiting map[string][]*wire.Info // by client
	bytes   map[string]int          // of waiting
	all     int                     // bytes of all
	told    time.Time               // when it was told that answers were dropped
	dropped int                     // how many were since
	queued  map[ackRow]*wire.Info   // the same, by row
	last    map[ackRow]time.Time    // of answers published in the last ackGap
	swept   time.Time               // when last was rid of earlier ones
}

type ackRow struct{ client, table, id string }

func newAcks(n *Node) *acks {
	return &acks{n: n, kick: make(chan struct{}, 1), waiting: map[string][]*wire.Info{}, bytes: map[string]int{}, queued: map[ackRow]*wire.Info{}, last: map[ackRow]time.Time{}}
}

// ok answers a change with data_received, fail with an error.
func (a *acks) ok(c wire.Change) {
	a.put(c.Sender, wire.Info{Sender: a.n.cfg.ClientName, Message: wire.DataReceived, Table: c.Table, ID: c.ID, Date: c.Date})
}

func (a *acks) fail(c wire.Change, message string) {
	a.put(c.Sender, wire.Info{Sender: a.n.cfg.ClientName, Message: wire.Failed, Table: c.Table, ID: c.ID, Date: c.Date, Error: message})
}

// put keeps an answer until its client is there. What is over the bounds is dropped: its client, which has no answer, sends again.
func (a *acks) put(client string, i wire.Info) {
	row := ackRow{client, i.Table, i.ID}
	a.mu.Lock()
	if earlier := a.queued[row]; earlier != nil {
		a.count(client, ackSize(&i)-ackSize(earlier))
		*earlier = i
	} else if len(a.waiting[client]) >= ackMost || a.bytes[client]+ackSize(&i) > ackEach || a.all+ackSize(&i) > ackAll {
		if a.dropped++; a.n.now().Sub(a.told).Abs() >= time.Minute {
			a.n.log.Warn("answers were dropped because too many wait", zap.String("remote", client), zap.Int("answers", a.dropped))
			a.told, a.dropped = a.n.now(), 0
		}
	} else {
		a.waiting[client] = append(a.waiting[client], &i)
		a.queued[row] = &i
		a.count(client, ackSize(&i))
	}
	a.mu.Unlock()
	a.wake()
}

// count notes bytes of what waits for a client.
func (a *acks) count(client string, bytes int) {
	a.all += bytes
	if a.bytes[client] += bytes; a.bytes[client] == 0 {
		delete(a.bytes, client)
	}
}

func (a *acks) wake() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// run publishes answers until ctx ends.
func (a *acks) run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if a.publish(ctx) {
			again = time.After(ackGap / 4)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.kick:
		case <-again:
		}
	}
}

// publish publishes what is due and reports whether some answers wait for their
// gap.
func (a *acks) publish(ctx context.Context) (more bool) {
	now := a.n.now()
	a.mu.Lock()
	var due []wire.Info
	var to []string
	for client, list := range a.waiting {
		if !a.n.mesh.Online(client) || !a.n.transport.Online() {
			continue
		}
		rest := list[:0:0]
		for _, i := range list {
			row := ackRow{client, i.Table, i.ID}
			if at, ok := a.last[row]; ok && now.Sub(at) < ackGap {
				rest = append(rest, i)
				continue
			}
			a.last[row] = now
			delete(a.queued, row)
			a.count(client, -ackSize(i))
			due, to = append(due, *i), append(to, client)
		}
		if len(rest) > 0 {
			a.waiting[client] = rest
			more = true
		} else {
			delete(a.waiting, client)
		}
	}
	if now.Sub(a.swept) >= ackGap/4 { // not at each of some hundred calls a second
		a.swept = now
		for row, at := range a.last {
			if now.Sub(at) >= ackGap {
				delete(a.last, row)
			}
		}
	}
	more = more || len(a.last) > 0
	a.mu.Unlock()
	for k, i := range due {
		if _, err := a.n.transport.PublishAsync(ctx, transport.Message{Topic: a.n.topics.InfoOf(to[k]), Payload: i.Encode(), QoS: 1}); err != nil {
			a.put(to[k], i)
		}
	}
	return more
}
