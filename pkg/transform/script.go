package transform

import (
	"context"
	"fmt"
	"time"

	"github.com/dop251/goja_nodejs/require"
)

// script is one file with the machines that run it. A machine serves one call
// at a time; one that was stopped in the middle of a call is thrown away.
type script struct {
	file      string
	owner     *Transformers
	registry  *require.Registry
	limit     time.Duration // of one call
	querier   Querier
	publisher Publisher
	main      bool          // the file exports a transformer; known after check
	resolve   bool          // the file exports resolve
	idle      chan *machine // room for every machine, so that giving one back never waits
	made      chan struct{} // holds one element for every machine there is
}

// newScript returns a script without machines; they are made when needed.
func newScript(t *Transformers, registry *require.Registry, file string) *script {
	return &script{
		file:      file,
		owner:     t,
		registry:  registry,
		limit:     t.config.TimeLimit,
		querier:   t.querier,
		publisher: t.publisher,
		idle:      make(chan *machine, t.config.Runtimes),
		made:      make(chan struct{}, t.config.Runtimes),
	}
}

// check makes the first machine, which tells whether the file is in order.
func (s *script) check() error {
	return s.run(context.Background(), "", func(_ context.Context, m *machine) error {
		s.main, s.resolve = m.main != nil, m.resolve != nil
		return nil
	})
}

// run calls work with a machine, waiting for one while all are busy. The ctx
// that work gets ends with the time limit. Whatever happens in work, a panic
// too, comes back as an error that begins with the file.
func (s *script) run(ctx context.Context, table string, work func(context.Context, *machine) error) error {
	m, err := s.machine(ctx)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", s.file, err)
	}
	m.table = table
	err, intact := s.owner.limited(ctx, m.interrupt, s.limit, func(ctx context.Context) error {
		if err := m.load(); err != nil {
			return err
		}
		return work(ctx, m)
	})
	if intact {
		s.idle <- m
	} else {
		<-s.made
	}
	if err != nil {
		return located(s.file, err)
	}
	return nil
}

// machine returns an idle machine, makes one if there may be more, or waits.
func (s *script) machine(ctx context.Context) (*machine, error) {
	select {
	case m := <-s.idle:
		return m, nil
	default:
	}
	select {
	case m := <-s.idle:
		return m, nil
	case s.made <- struct{}{}:
		return newMachine(s), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
