package logging

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"go.uber.org/zap/zapcore"
)

// Bounds of the lines kept. Promise 10.
const (
	kept         = 500     // lines
	messageMost  = 2 << 10 // bytes of a line
	fieldsMost   = 8 << 10
	followQueued = 256 // lines that wait for a reader
)

// ring holds the last lines.
type ring struct {
	mu      sync.Mutex
	lines   []Line // in the order of a ring once it is full
	next    int    // the place of the next line
	readers map[chan Line]bool
}

func newRing() *ring { return &ring{readers: map[chan Line]bool{}} }

// Last returns the latest lines, the oldest of them first.
func (r *ring) Last() []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < kept {
		return append([]Line{}, r.lines...)
	}
	return append(append([]Line{}, r.lines[r.next:]...), r.lines[:r.next]...)
}

// Follow calls tell with each line that is logged from now on, until ctx ends or
// tell fails. A reader that is too slow misses lines.
func (r *ring) Follow(ctx context.Context, tell func(Line) error) error {
	lines := make(chan Line, followQueued)
	r.mu.Lock()
	r.readers[lines] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.readers, lines)
		r.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case l := <-lines:
			if err := tell(l); err != nil {
				return err
			}
		}
	}
}

func (r *ring) add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < kept {
		r.lines = append(r.lines, l)
	} else {
		r.lines[r.next] = l
	}
	r.next = (r.next + 1) % kept
	for reader := range r.readers {
		select {
		case reader <- l:
		default:
		}
	}
}

// core puts log lines into a ring.
type core struct {
	zapcore.LevelEnabler
	ring   *ring
	fields zapcore.Encoder // has those of the logger
}

func newCore(l zapcore.LevelEnabler, r *ring) core {
	// Without keys of its own, an encoder writes only the fields.
	return core{l, r, zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		SkipLineEnding: true, EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeDuration: zapcore.StringDurationEncoder,
	})}
}

// With returns a core that adds fields to each line.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	c.fields = c.fields.Clone()
	for i := range fields {
		fields[i].AddTo(c.fields)
	}
	return c
}

// Check has an entry written if its level is enabled.
func (c core) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

// Write puts an entry into the ring.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	b, err := c.fields.EncodeEntry(zapcore.Entry{}, fields)
	if err != nil {
		return err
	}
	defer b.Free()
	l := Line{Time: e.Time, Level: e.Level.String(), Logger: e.LoggerName, Message: shorten(e.Message, messageMost)}
	if text := b.Bytes(); len(text) > fieldsMost || !json.Valid(text) {
		l.Fields = json.RawMessage(`{"cut":"the fields of this line are too long to be kept"}`)
	} else if string(text) != "{}" {
		l.Fields = append(l.Fields, text...) // the buffer is reused
	}
	c.ring.add(l)
	return nil
}

// Sync does nothing: everything is in memory.
func (core) Sync() error { return nil }

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
