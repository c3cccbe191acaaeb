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
	ackMost = 10_000      // answers kept for a client that is offline
	ackEach = 1 << 20     // bytes of them, of all clients together that the configuration does not name
	ackAll  = 4 << 20     // bytes of those for all clients
)

// ackFrame is about what an answer takes in memory beside its texts, in bytes.
const ackFrame = 400

func ackSize(i *wire.Info) int { return ackFrame + 2*(len(i.Table)+len(i.ID)) + len(i.Error) }

// Answers tell clients what became of what they sent. An ack of a batch goes out at once: one that is lost makes its sender send
// again. An answer of version 1 to a client that is offline waits until it is back; of several about one row the last one counts.
// They are safe for concurrent use.
type Answers struct {
	AnswersConfig
	kick  chan struct{}
	freed Freed

	mu      sync.Mutex
	waiting map[string][]*wire.Info // by client
	bytes   map[string]int          // of waiting, by budget
	all     int                     // bytes of all
	told    time.Time               // when it was told that answers were dropped
	dropped int                     // how many were since
	queued  map[ackRow]*wire.Info   // the same, by row
	last    map[ackRow]time.Time    // of answers published in the last ackGap
	swept   time.Time               // when last was rid of earlier ones
}

// AnswersConfig is what Answers are made of.
type AnswersConfig struct {
	Log       *zap.Logger
	Client    string   // of this node
	Named     []string // clients with a bound of their own; all others share one
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

// rowOf names the row of an answer. An id of many bytes is named by its hash: the rows of a second are remembered.
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

// put keeps an answer until its client is there. What is over the bounds is dropped: its client, which has no answer, sends again.
// Where too many wait for all, those for whom most wait give way: who is there has few.
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

// budget names who shares the bound of a client: those that the configuration names have one each, all others one together.
func (a *Answers) budget(client string) string {
	if slices.Contains(a.Named, client) {
		return client
	}
	return config.Anyone
}

// room makes room for an answer of a client, and reports whether there is some.
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

// yield drops half of what waits in a budget.
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

// drop tells of answers that were dropped, once a minute.
func (a *Answers) drop(client string, answers int) {
	if a.dropped += answers; a.Now().Sub(a.told).Abs() >= time.Minute {
		a.Log.Warn("dropped answers because too many are waiting", zap.String("remote", client), zap.Int("answers", a.dropped))
		a.told, a.dropped = a.Now(), 0
	}
}

// count notes bytes of what waits for a client.
func (a *Answers) count(client string, bytes int) {
	client = a.budget(client)
	a.all += bytes
	if a.bytes[client] += bytes; a.bytes[client] == 0 {
		delete(a.bytes, client)
	}
}

// Wake has what waits for a client sent if it is there.
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

// publish publishes what is due and reports whether some answers wait for their
// gap.
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
		if _, err := a.Transport.PublishAsync(ctx, transport.Message{Topic: a.Topics.InfoOf(to[k]), Payload: i.Encode(), QoS: 1}); err != nil {
			a.put(to[k], i)
		}
	}
	return more
}
