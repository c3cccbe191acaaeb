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

// Anybody can have the broker say something: of one text, so many lines go to the log in such a time, and no fact is longer.
const (
	linesMost  = 20
	linesTime  = 10 * time.Minute
	factLength = 200
)

// bounded returns a log with these bounds. That it leaves lines out it tells.
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

// Enabled leaves mochi's small talk out.
func (b *bridge) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle passes a record on. Facts that would show a packet, and so a row, are left out.
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
	case r.Message == "": // mochi says so of each connection that ends without a goodbye.
		b.log.Debug("a client's connection ended", fields...)
	case r.Level >= slog.LevelError:
		b.log.Error(r.Message, fields...)
	default:
		b.log.Warn(r.Message, fields...)
	}
	return nil
}

// WithAttrs leaves the facts out that mochi adds to all records of a part of it: they say nothing more.
func (b *bridge) WithAttrs([]slog.Attr) slog.Handler { return b }

// WithGroup leaves the group out: mochi has none.
func (b *bridge) WithGroup(string) slog.Handler { return b }
