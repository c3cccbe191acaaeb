package transform

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// A run of tasks is sent to a process in parts, each with at most this many tasks and, after the first, this many bytes
// of rows.
const (
	partTasks = 256
	partBytes = 1 << 20
)

// restTime is how long the process of an unused file is kept.
const restTime = time.Minute

// processes runs each file in its own process. A script that ends its process costs its row: the process is restarted
// and continues with its other tasks.
type processes struct {
	program   string
	log       *zap.Logger
	querier   Querier
	publisher Publisher
	config    Config
	load      []byte // what each process receives first
	now       func() time.Time

	mu      sync.Mutex
	cells   map[script]*cell
	checker *process // the process that checked the files; nil: none
	closed  bool
	closing chan struct{} // closed then
}

// newProcesses returns a runner of files; it starts nothing until asked.
func newProcesses(program string, log *zap.Logger, q Querier, p Publisher, c Config, s *sources) *processes {
	b := binary.AppendVarint(nil, int64(c.TimeLimit))
	b = binary.AppendVarint(b, c.MemoryLimit)
	b = appendBool(binary.AppendVarint(b, int64(c.Runtimes)), c.Strict)
	b = binary.AppendUvarint(b, uint64(len(s.files)))
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		b = appendString(appendString(b, name), string(s.files[name]))
	}
	return &processes{program: program, log: log, querier: q, publisher: p, config: c, load: b, now: time.Now, cells: map[script]*cell{}, closing: make(chan struct{})}
}

// check runs a file once. All files are checked in one process, unless one ends it.
func (p *processes) check(file string) (exports, []string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.checker == nil {
		var err error
		if p.checker, err = p.start(nil); err != nil {
			return exports{}, nil, located(file, err)
		}
		started := p.checker
		time.AfterFunc(restTime, func() { p.dismiss(started) })
	}
	x, used, err := p.checker.check(file, p.config.TimeLimit+graceTime)
	if p.checker.ended() {
		p.checker = nil
	}
	return x, used, err
}

// dismiss ends the process that checked the files, unless a script has taken it over.
func (p *processes) dismiss(checker *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.checker == checker {
		p.checker = nil
		checker.stop()
	}
}

// cell returns a script's cell. The first one takes over the process that checked the files.
func (p *processes) cell(s script) *cell {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.cells[s]
	if c == nil {
		c = &cell{owner: p, script: s, limit: p.config.TimeLimit, places: make(chan struct{}, p.config.Runtimes)}
		if s.resolver {
			c.limit = min(c.limit, resolveLimit)
		}
		c.process, p.checker = p.checker, nil
		c.closed = p.closed
		p.cells[s] = c
	}
	return c
}

func (p *processes) run(ctx context.Context, s script, tasks []task) []Result {
	results := make([]Result, len(tasks))
	c := p.cell(s)
	room := p.config.room(tasks)
	for from := 0; from < len(tasks); {
		to := from + part(tasks[from:])
		done := from + c.run(ctx, tasks[from:to], results[from:to], &room)
		if room < 0 {
			return results[:done]
		}
		from = to
		if err := results[to-1].Err; noProcess(err) { // the next part would wait just as long for a process
			for ; from < len(tasks); from++ {
				results[from].Err = err
			}
		}
	}
	return results
}

// part returns how many of tasks, at least one, to send to a process at once.
func part(tasks []task) int {
	bytes := 0
	for i := range tasks {
		bytes += tasks[i].sizeOf()
		if i > 0 && (bytes > partBytes || i == partTasks) {
			return i
		}
	}
	return len(tasks)
}

// close ends the processes, each once it is idle.
func (p *processes) close() {
	p.mu.Lock()
	if !p.closed {
		close(p.closing)
	}
	p.closed = true
	cells, checker := slices.Collect(maps.Values(p.cells)), p.checker
	p.checker = nil
	p.mu.Unlock()
	if checker != nil {
		checker.stop()
	}
	for _, c := range cells {
		c.close()
	}
}

// cell is a script with its process.
type cell struct {
	owner *processes
	script
	limit  time.Duration // of one task
	places chan struct{} // holds an element for each run, so that no one ever waits for a runtime
	alone  sync.RWMutex  // held for writing while tasks are tried one by one
	killers

	mu       sync.Mutex
	process  *process // nil: none
	users    int      // runs that use it now
	rest     *time.Timer
	closed   bool
	starting bool  // in the background
	why      error // why the last such start failed
	starts   sync.WaitGroup
}

// run runs tasks, except those known to end the process, and returns how many have results: all, unless these leave no
// room.
func (c *cell) run(ctx context.Context, tasks []task, results []Result, room *int) (done int) {
	if c.resolver {
		return c.once(ctx, tasks, results, room)
	}
	for done < len(tasks) && *room >= 0 {
		if err := c.refuse(c.owner.now(), &tasks[done]); err != nil {
			results[done] = Result{Err: located(c.file, err)}
			done++
			continue
		}
		to := done + 1
		for to < len(tasks) && c.refuse(c.owner.now(), &tasks[to]) == nil {
			to++
		}
		done += c.all(ctx, tasks[done:to], results[done:to], room)
	}
	return done
}

// all runs tasks in the process. If the process ends, the unfinished ones are retried one by one, with nothing else
// running: then a task that ends the process is to blame. Scripts must allow for that: a row may be transformed more
// than once.
func (c *cell) all(ctx context.Context, tasks []task, results []Result, room *int) int {
	c.alone.RLock()
	done, err := c.attempt(ctx, tasks, results, room)
	c.alone.RUnlock()
	if err == nil {
		return done
	}
	c.alone.Lock()
	defer c.alone.Unlock()
	for ; done < len(tasks) && *room >= 0; done++ {
		if !noProcess(err) {
			if err = c.refuse(c.owner.now(), &tasks[done]); err != nil { // it came twice, or is one of too many
				results[done] = Result{Err: located(c.file, err)}
				continue
			}
			_, err = c.attempt(ctx, tasks[done:done+1], results[done:done+1], room)
		}
		if err != nil {
			results[done] = Result{Err: located(c.file, err)}
		}
		if err != nil && !noProcess(err) {
			c.blame(&tasks[done], err)
		}
	}
	return done
}

// once runs a task while its row is locked, so it waits for nothing but the script: if another task runs, or there is
// no process, the task must be retried later. Since nothing else runs, it is to blame if the process ends twice with
// it. There is only one task. Promise 7.
func (c *cell) once(ctx context.Context, tasks []task, results []Result, room *int) int {
	err := c.rests(c.owner.now(), &tasks[0])
	switch {
	case err != nil:
	case c.alone.TryLock():
		defer c.alone.Unlock()
		_, err = c.attempt(ctx, tasks, results, room)
	default:
		err = startError{errors.New("it is resolving another conflict")}
	}
	if err != nil && !noProcess(err) && c.blame(&tasks[0], err) == 1 {
		err = startError{err}
	}
	if err != nil {
		results[0] = Result{Err: located(c.file, err)}
	}
	return 1
}

// blame notes that a task ended the process, and returns how often it has.
func (c *cell) blame(t *task, err error) int {
	times, tell := c.ended(c.owner.now(), t, err)
	if tell > 0 {
		c.owner.log.Warn("a transformer ended its process; restarting it", zap.String("file", c.file), zap.String("table", t.Table),
			zap.String("id", bounded(t.ID)), zap.Int("times", tell), zap.Error(err))
	}
	return times
}

// attempt runs tasks in the process, and returns how many have results. The error is why the process ended before all
// had one.
func (c *cell) attempt(ctx context.Context, tasks []task, results []Result, room *int) (done int, err error) {
	place := c.places
	if ctx.Err() != nil {
		place = nil
	}
	select {
	case place <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		for i := range results {
			results[i].Err = located(c.file, fmt.Errorf("wait for %s: %w", c.file, context.Cause(ctx)))
		}
		return len(tasks), nil
	}
	p, err := c.take()
	if err != nil {
		return 0, err
	}
	defer c.give()
	done, err = p.run(ctx, c.script, c.limit, tasks, results, room)
	if done > 0 {
		if late, ok := errors.AsType[lateError](results[done-1].Err); ok {
			c.blame(&tasks[done-1], late)
		}
	}
	return done, err
}

// take returns the process, starting it if there is none. While a row is locked it starts in the background, and there
// is no process yet.
func (c *cell) take() (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil || c.process.ended() {
		if c.resolver {
			return nil, c.begin()
		}
		p, err := c.owner.start(nil)
		if err != nil {
			return nil, err
		}
		c.process = p
	}
	if c.rest != nil {
		c.rest.Stop()
		c.rest = nil
	}
	c.users++
	return c.process, nil
}

// begin starts the process, and returns why there is none. c.mu is held.
func (c *cell) begin() error {
	err := c.why
	if err == nil {
		err = startError{errors.New("it is starting")}
	}
	if c.starting || c.closed {
		return err
	}
	c.starting = true
	c.starts.Go(func() {
		p, err := c.owner.start(c.owner.closing)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.starting, c.process, c.why = false, p, err
		c.settle()
	})
	return err
}

// give returns the process.
func (c *cell) give() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	c.settle()
}

// settle ends a process that no one uses: at once if the cell is closed, otherwise after restTime. c.mu is held.
func (c *cell) settle() {
	switch {
	case c.users > 0:
	case c.closed:
		c.end()
	default:
		c.rest = time.AfterFunc(restTime, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.users == 0 {
				c.end()
			}
		})
	}
}

// end ends the process.
func (c *cell) end() {
	if c.process != nil {
		c.process.stop()
		c.process = nil
	}
}

func (c *cell) close() {
	c.alone.Lock() // waits until nothing runs
	defer c.alone.Unlock()
	defer c.starts.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest != nil {
		c.rest.Stop()
	}
	c.closed = true
	c.end()
}
