package transform

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// engine is one file with the machines that run it. A machine serves one call at a time; one that was stopped during a
// call is discarded.
type engine struct {
	*local
	file      string
	limit     time.Duration // of one call
	querier   Querier
	publisher Publisher
	idle      chan *machine // has room for every machine, so that returning one never blocks
	made      chan struct{} // holds one element for each existing machine
}

// newEngine returns an engine without machines; they are made on demand.
func newEngine(l *local, s script) *engine {
	e := &engine{
		local:     l,
		file:      s.file,
		limit:     l.config.TimeLimit,
		querier:   l.querier,
		publisher: l.publisher,
		idle:      make(chan *machine, l.config.Runtimes),
		made:      make(chan struct{}, l.config.Runtimes),
	}
	if s.resolver {
		e.limit = min(e.limit, resolveLimit)
		e.querier, e.publisher = refusing{}, refusing{}
	}
	return e
}

// run calls work with a machine, waiting for one while all are busy. work's ctx ends at the time limit. Any failure of
// work, a panic included, is returned as an error that begins with the file.
func (e *engine) run(ctx context.Context, table string, work func(context.Context, *machine) error) error {
	m, err := e.machine(ctx)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", e.file, err)
	}
	m.table = table
	err, intact := limited(ctx, m.interrupt, e.limit, e.config.MemoryLimit, func(ctx context.Context) error {
		if err := m.load(); err != nil {
			return err
		}
		return work(ctx, m)
	})
	if intact {
		e.idle <- m
	} else {
		debug.FreeOSMemory() // what it held must not be held against the next one: the process's memory is limited
		<-e.made
	}
	if err != nil {
		return located(e.file, err)
	}
	return nil
}

// machine returns an idle machine, makes one if more are allowed, or waits.
func (e *engine) machine(ctx context.Context) (*machine, error) {
	select {
	case m := <-e.idle:
		return m, nil
	default:
	}
	select {
	case m := <-e.idle:
		return m, nil
	case e.made <- struct{}{}:
		return newMachine(e), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
