package mesh

import (
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Publishers must not be able to fill a disk, so at most this many lines about one client's messages are logged in
// RefusalsTime.
const (
	RefusalsTime = 10 * time.Minute
	sealedLines  = 1  // for each reason to refuse to open a message
	brokenLines  = 5  // for each kind of unreadable message
	comingLines  = 20 // for coming online, and as many for leaving
)

// Refusals logs messages that are refused before anyone looks at their rows, and counts those that are not sealed
// although they must be. It is safe for concurrent use.
type Refusals struct {
	log *zap.Logger
	cfg *config.Config
	now func() time.Time

	mu    sync.Mutex
	count map[string]int64 // by client
	told  map[refusal]*telling
}

// refusal identifies events that the log counts together. There are few: all clients that the configuration does not
// name count as one, "*".
type refusal struct{ client, message, reason string }

// telling counts the lines logged and suppressed for a refusal since a time.
type telling struct {
	since        time.Time
	lines, quiet int64
}

// NewRefusals returns Refusals that write to a log.
func NewRefusals(log *zap.Logger, cfg *config.Config, now func() time.Time) *Refusals {
	return &Refusals{log: log, cfg: cfg, now: now, count: map[string]int64{}, told: map[refusal]*telling{}}
}

// Unopened counts and logs a message that is not sealed as it must be. reason is one of a few fixed errors.
func (r *Refusals) Unopened(level zapcore.Level, client string, kind wire.Kind, reason error) {
	r.mu.Lock()
	r.count[r.name(client)]++
	r.mu.Unlock()
	r.tell(level, refusal{client, "message refused", reason.Error()}, sealedLines, zap.Stringer("kind", kind), zap.Error(reason))
}

// Broken logs a message that cannot be read, or whose sender has no right to send it.
func (r *Refusals) Broken(message, client string, fields ...zap.Field) {
	r.tell(zap.WarnLevel, refusal{client, message, ""}, brokenLines, fields...)
}

// Comes logs an event that is not a refusal, but that clients can cause as often as they like, such as one that appears or
// leaves.
func (r *Refusals) Comes(level zapcore.Level, message, client string, fields ...zap.Field) {
	r.write(level, "remote", refusal{client, message, ""}, comingLines, fields...)
}

// Of returns how many of a client's messages were not sealed as required since the node started; "*" stands for all
// clients that the configuration does not name.
func (r *Refusals) Of(client string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[client]
}

func (r *Refusals) name(client string) string {
	if slices.Contains(r.cfg.RemoteClients, client) || slices.Contains(r.cfg.AcceptFrom, client) {
		return client
	}
	return config.Anyone
}

func (r *Refusals) tell(level zapcore.Level, what refusal, most int64, fields ...zap.Field) {
	r.write(level, "sender", what, most, fields...)
}

// write is tell with the name of the field that has the client.
func (r *Refusals) write(level zapcore.Level, field string, what refusal, most int64, fields ...zap.Field) {
	client := what.client
	what.client = r.name(client)
	now := r.now()
	r.mu.Lock()
	t := r.told[what]
	quiet := int64(0)
	if t == nil || now.Sub(t.since) >= RefusalsTime || now.Before(t.since) {
		if t != nil {
			quiet = t.quiet
		}
		t = &telling{since: now}
		r.told[what] = t
	}
	if t.lines++; t.lines > most {
		t.lines = most
		t.quiet++
		r.mu.Unlock()
		return
	}
	last := t.lines == most
	r.mu.Unlock()
	fields = append([]zap.Field{zap.String(field, wire.Shorten(client, 32))}, fields...)
	if quiet > 0 {
		fields = append(fields, zap.Int64("notTold", quiet))
	}
	if last {
		fields = append(fields, zap.Duration("quietFor", RefusalsTime))
	}
	r.log.Log(level, what.message, fields...)
}
