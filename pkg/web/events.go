package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// Bounds of GET /api/events.
const (
	eventsMost  = 32 // listeners at once
	eventEvery  = time.Second
	linesQueued = 64 // log lines queued per listener; more are dropped
)

// stream sends server-sent events (HTML standard, "Server-sent events") until the
// listener or the node is gone: "status" with the State every second, "log" with each
// line, and a comment when there is no State, so that a dead connection is noticed.
func (a api) stream(w http.ResponseWriter, r *http.Request) error {
	serve.Hurry(w)() // this lifts the limit on the whole answer: each part has its own
	ctx, cancel := context.WithCancel(r.Context())
	lines := make(chan logging.Line, linesQueued)
	var wg sync.WaitGroup
	wg.Go(func() { a.follow(ctx, lines) })
	defer wg.Wait()
	defer cancel()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // so that nginx passes it on at once
	e := eventWriter{w}
	tick := time.NewTicker(eventEvery)
	defer tick.Stop()
	err := a.sendState(ctx, e)
	for err == nil {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case l := <-lines:
			err = e.event("log", l)
		case <-tick.C:
			err = a.sendState(ctx, e)
		}
	}
	return errWritten // the listener is gone
}

// follow queues log lines until ctx ends, dropping those for which there
// is no room.
func (a api) follow(ctx context.Context, lines chan<- logging.Line) {
	// The error is ctx's.
	_ = a.lines.Follow(ctx, func(l logging.Line) error {
		select {
		case lines <- l:
		default:
		}
		return nil
	})
}

func (a api) sendState(ctx context.Context, e eventWriter) error {
	s, err := a.node.State(ctx)
	if err != nil {
		return e.comment()
	}
	return e.event("status", s)
}

// eventWriter writes each event at once. A listener that does not read is
// disconnected.
type eventWriter struct{ w http.ResponseWriter }

func (e eventWriter) event(name string, v any) error {
	text, err := json.Marshal(v) // a single line
	if err != nil {
		return fmt.Errorf("encode the event %s: %w", name, err)
	}
	return e.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, text))
}

func (e eventWriter) comment() error { return e.write([]byte(": still here\n\n")) }

func (e eventWriter) write(b []byte) error {
	defer serve.Hurry(e.w)()
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return http.NewResponseController(e.w).Flush()
}
