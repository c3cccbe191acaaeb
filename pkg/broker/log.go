package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Anyone can make the broker log something: the lines of one text are limited in number over time, and their facts in
// length.
const (
	linesMost  = 20
	linesTime  = 10 * time.Minute
	factLength = 200
)

// bounded returns a log with these bounds, which says so when it leaves lines out.
func bounded(log *zap.Logger) *zap.Logger {
	var mu sync.Mutex
	told := map[string]time.Time{} // by text
	leftOut := func(e zapcore.Entry, d zapcore.SamplingDecision) {
		if d&zapcore.LogDropped == 0 {
			return
		}
		mu.Lock()
		last, again := told[e.Message]
		first := !again || e.Time.Sub(last) >= linesTime
		if first {
			told[e.Message] = e.Time
		}
		mu.Unlock()
		if first {
			log.Log(e.Level, "suppressing further lines of the broker", zap.String("line", e.Message), zap.Duration("quietFor", linesTime))
		}
	}
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(c, linesTime, linesMost, 0, zapcore.SamplerHook(leftOut))
	}))
}

// logger gives mochi a way into the node's log.
func logger(log *zap.Logger) *slog.Logger { return slog.New(&bridge{log: log}) }

// bridge is a slog.Handler that hands warnings and errors to zap.
type bridge struct {
	log *zap.Logger
}

// Enabled leaves out mochi's small talk.
func (b *bridge) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle passes a record on, without facts that would show a packet, and so a row.
func (b *bridge) Handle(_ context.Context, r slog.Record) error {
	var fields []zap.Field
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "error", "client", "listener":
			fields = append(fields, zap.String(a.Key, wire.Shorten(a.Value.String(), factLength)))
		}
		return true
	})
	switch {
	case r.Message == "": // mochi says so about each connection that ends without a goodbye.
		b.log.Debug("a client's connection ended", fields...)
	case r.Level >= slog.LevelError:
		b.log.Error(r.Message, fields...)
	default:
		b.log.Warn(r.Message, fields...)
	}
	return nil
}

// WithAttrs drops the facts that mochi adds to all records of a component: they say nothing more.
func (b *bridge) WithAttrs([]slog.Attr) slog.Handler { return b }

// WithGroup drops the group: mochi has none.
func (b *bridge) WithGroup(string) slog.Handler { return b }
