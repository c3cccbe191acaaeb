package broker

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
)

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
			fields = append(fields, zap.String(a.Key, a.Value.String()))
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
