package receive

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	ackGap  = time.Second // between two answers about one row: an existing peer fails on two at once
	ackMost = 10_000      // answers kept for an offline client
	ackEach = 1 << 20     // their bytes, for all clients that the configuration does not name together
	ackAll  = 4 << 20     // their bytes, for all clients
)

// ackFrame is roughly what an answer takes in memory besides its text, in bytes.
const ackFrame = 400

func ackSize(i *wire.Info) int { return ackFrame + 2*(len(i.Table)+len(i.ID)) + len(i.Error) }

// Answers tell clients what became of the rows they sent. An ack of a batch goes out at once: if it is lost, the sender
// sends the batch again. A version 1 answer to an offline client waits until the client is back; of several about one
// row only the last counts. They are safe for concurrent use.
type Answers struct {
	AnswersConfig
	kick  chan struct{}
	freed Freed

	mu      sync.Mutex
	waiting map[string][]*wire.Info // by client
	bytes   map[string]int          // of waiting, by budget
	all     int                     // bytes of all
	told    time.Time               // when dropped answers were last logged
	dropped int                     // how many were since
	queued  map[ackRow]*wire.Info   // the same, by row
	last    map[ackRow]time.Time    // answers published in the last ackGap
	swept   time.Time               // when last was last purged
}

// AnswersConfig configures Answers.
type AnswersConfig struct {
	Log       *zap.Logger
	Client    string   // of this node
	Named     []string // clients with their own bound; all others share one
	Now       func() time.Time
	Topics    wire.Topics
	Mesh      *mesh.Mesh
	Transport Publisher
}

// Publisher publishes messages; see transport.Session.
type Publisher interface {
	Online() bool
	PublishAsync(ctx context.Context, m transport.Message) (*transport.Token, error)
}

type ackRow struct{ client, table, id string }

// rowOf identifies the row of an answer. A long id is replaced by its hash, since a second's worth of rows is
// remembered.
func rowOf(client string, i *wire.Info) ackRow {
	if len(i.Table)+len(i.ID) <= 128 {
		return ackRow{client, i.Table, i.ID}
	}
	sum := sha256.Sum256([]byte(i.Table + "\x00" + i.ID))
	return ackRow{client, "", string(sum[:])}
}

// NewAnswers returns Answers.
func NewAnswers(c AnswersConfig) *Answers {
	return &Answers{AnswersConfig: c, kick: make(chan struct{}, 1), waiting: map[string][]*wire.Info{}, bytes: map[string]int{}, queued: map[ackRow]*wire.Info{}, last: map[ackRow]time.Time{}}
}

// Ack answers a batch.
func (a *Answers) Ack(ctx context.Context, client string, ack wire.Ack) {
	if err := a.send(ctx, client, ack); err != nil && ctx.Err() == nil {
		a.Log.Debug("batch ack not published", zap.String("remote", client), zap.Error(err))
	}
}

func (a *Answers) send(ctx context.Context, client string, ack wire.Ack) error {
	payload, err := a.Mesh.Seal(seal.Ack, client, ack.Encode())
	if err == nil {
		_, err = a.Transport.PublishAsync(ctx, transport.Message{Topic: a.Topics.AckOf(client, a.Client), Payload: payload, QoS: 1})
	}
	return err
}

// Answer answers a change of version 1 with data_received, or with an error if there is a message.
func (a *Answers) Answer(c wire.Change, message string) {
	i := wire.Info{Sender: a.Client, Message: wire.DataReceived, Table: c.Table, ID: c.ID, Date: c.Date}
	if message != "" {
		i.Message, i.Error = wire.Failed, message
	}
	a.put(c.Sender, i)
}

// put keeps an answer until its client is online. Answers beyond the bounds are dropped: without an answer the client
// sends again. If too many wait overall, the clients with the most waiting give way: a client that is online has few.
func (a *Answers) put(client string, i wire.Info) {
	row := rowOf(client, &i)
	a.mu.Lock()
	if earlier := a.queued[row]; earlier != nil {
		a.count(client, ackSize(&i)-ackSize(earlier))
		*earlier = i
	} else if len(a.waiting[client]) >= ackMost || !a.room(client, ackSize(&i)) {
		a.drop(client, 1)
	} else {
		a.waiting[client] = append(a.waiting[client], &i)
		a.queued[row] = &i
		a.count(client, ackSize(&i))
	}
	a.mu.Unlock()
	a.Wake()
}

// budget returns the name of a client's budget: each client that the configuration names has its own, all others share
// one.
func (a *Answers) budget(client string) string {
	if slices.Contains(a.Named, client) {
		return client
	}
	return config.Anyone
}

// room makes room for an answer to a client, and reports whether it succeeded.
func (a *Answers) room(client string, bytes int) bool {
	own := a.budget(client)
	if a.bytes[own]+bytes > ackEach {
		return false
	}
	for a.all+bytes > ackAll {
		most := own
		for b, n := range a.bytes {
			if n > a.bytes[most] {
				most = b
			}
		}
		if most == own {
			return false
		}
		a.yield(most)
	}
	return true
}

// yield drops half of a budget's waiting answers.
func (a *Answers) yield(budget string) {
	dropped := 0
	for left := a.bytes[budget] / 2; a.bytes[budget] > left; {
		for client, list := range a.waiting {
			if a.budget(client) != budget || a.bytes[budget] <= left {
				continue
			}
			gone := list[:(len(list)+1)/2]
			if len(gone) == len(list) {
				delete(a.waiting, client)
			} else {
				a.waiting[client] = slices.Clone(list[len(gone):])
			}
			for _, i := range gone {
				delete(a.queued, rowOf(client, i))
				a.count(client, -ackSize(i))
			}
			dropped += len(gone)
		}
	}
	a.drop(budget, dropped)
}

// drop logs dropped answers, at most once a minute.
func (a *Answers) drop(client string, answers int) {
	if a.dropped += answers; a.Now().Sub(a.told).Abs() >= time.Minute {
		a.Log.Warn("dropped answers because too many are waiting", zap.String("remote", client), zap.Int("answers", a.dropped))
		a.told, a.dropped = a.Now(), 0
	}
}

// count adds to the bytes that wait for a client.
func (a *Answers) count(client string, bytes int) {
	client = a.budget(client)
	a.all += bytes
	if a.bytes[client] += bytes; a.bytes[client] == 0 {
		delete(a.bytes, client)
	}
}

// Wake has a client's waiting answers sent if it is online.
func (a *Answers) Wake() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// Run publishes answers until ctx ends.
func (a *Answers) Run(ctx context.Context) error {
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

// publish publishes the answers that are due, and reports whether others wait for their gap.
func (a *Answers) publish(ctx context.Context) (more bool) {
	now := a.Now()
	a.mu.Lock()
	var due []wire.Info
	var to []string
	for client, list := range a.waiting {
		if !a.Mesh.Online(client) || !a.Transport.Online() {
			continue
		}
		rest := list[:0:0]
		for _, i := range list {
			row := rowOf(client, i)
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
	if now.Sub(a.swept) >= ackGap/4 { // not on each of a few hundred calls a second
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
		if _, err := a.Transport.PublishAsync(ctx, transport.Message{Topic: a.Topics.InfoOf(to[k]), Payload: i.Encode(), QoS: 1}); err != nil {
			a.put(to[k], i)
		}
	}
	return more
}
