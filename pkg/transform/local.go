package transform

import (
	"context"
	"sync"

	"github.com/dop251/goja_nodejs/require"
	"go.uber.org/zap"
)

// local runs files in this process.
type local struct {
	log       *zap.Logger
	querier   Querier
	publisher Publisher
	config    Config
	sources   *sources
	registry  *require.Registry
	led       *require.Registry // of the hub's scripts

	mu      sync.Mutex
	engines map[script]*engine
}

// newLocal returns a runner of files; it runs none until asked. config has no zero fields.
func newLocal(log *zap.Logger, q Querier, p Publisher, c Config, s *sources) *local {
	return &local{log: log, querier: q, publisher: p, config: c, sources: s, registry: s.registry(false), led: s.registry(true), engines: map[script]*engine{}}
}

// engine returns a file's engine.
func (l *local) engine(s script) *engine {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.engines[s]
	if e == nil {
		e = newEngine(l, s)
		l.engines[s] = e
	}
	return e
}

// check makes the first machine of a file, which shows whether the file is valid.
func (l *local) check(file string) (x exports, used []string, err error) {
	err = l.engine(script{file: file}).run(context.Background(), "", func(_ context.Context, m *machine) error {
		x = exports{m.main != nil, m.resolve != nil}
		return nil
	})
	return x, l.sources.usedNames(), err
}

func (l *local) run(ctx context.Context, s script, tasks []task) []Result {
	results := make([]Result, 0, len(tasks))
	for i, room := 0, l.config.room(tasks); i < len(tasks) && room >= 0; i++ {
		r := l.do(ctx, s, &tasks[i])
		room -= l.config.fit(s.file, &tasks[i], &r)
		results = append(results, r)
	}
	return results
}

// do does one task.
func (l *local) do(ctx context.Context, s script, t *task) (r Result) {
	err := l.engine(s).run(ctx, t.Table, func(ctx context.Context, m *machine) error {
		r = m.do(ctx, t)
		return r.Err
	})
	r.Err = err
	return r
}

func (l *local) close() {}
