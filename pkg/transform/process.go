package transform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// The process itself stops a script that takes too long. If it has not done so within graceTime, because one of the
// engine's functions does not check, it is killed. startTime is how long it may take to start, and stopTime to stop.
const (
	graceTime = 2 * time.Second
	startTime = 30 * time.Second
	stopTime  = 2 * time.Second
)

// mostQueries is how many statements of a process run at once while others wait: the owner of the sessions for all
// scripts grants one process no more.
const mostQueries = 6

// process runs scripts for the node. Nothing it says is trusted: a script may have taken it over.
type process struct {
	owner *processes
	cmd   *exec.Cmd
	in    io.Closer
	out   *frames
	ready chan struct{} // closed when it has received limits and files
	over  chan struct{} // closed when it has ended
	busy  chan struct{} // holds an element for each running statement
	why   error         // then

	mu      sync.Mutex
	killed  error // why it was killed, if it was
	runs    map[uint64]*run
	last    uint64 // run
	asked   int    // bytes of pending requests
	checked chan checked
}

// checked is what a file exports.
type checked struct {
	exports
	used []string
	err  error
}

// run is a run of tasks in a process.
type run struct {
	ctx     context.Context // of requests in the current task; nil: it has made none
	cancel  context.CancelFunc
	whole   context.Context // of requests in any task
	file    string
	tasks   []task
	results []Result
	done    int              // of results
	room    int              // bytes left for more; below zero no more are wanted
	moved   chan struct{}    // holds an element after each result
	full    chan struct{}    // closed when there is no room
	ended   chan struct{}    // closed when the process has nothing more to say
	asking  sync.WaitGroup   // its scripts' requests
	errors  map[uint64]error // of requests of the current task
}

// start starts a process and sends it limits and files. It gives up when stop is closed.
func (p *processes) start(stop <-chan struct{}) (*process, error) {
	cmd := exec.Command(p.program, argument)
	cmd.Args[0] = os.Args[0]
	cmd.Env = environment()
	said := &head{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, startError{err}
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		cmd.Err = err // of Start, which then closes the first
	}
	if err := cmd.Start(); err != nil {
		return nil, startError{err}
	}
	c := &process{owner: p, cmd: cmd, in: in, out: newFrames(in), ready: make(chan struct{}), over: make(chan struct{}),
		busy: make(chan struct{}, mostQueries), runs: map[uint64]*run{}, checked: make(chan checked, 1)}
	go c.listen(out, said)
	c.tell(frameLoad, p.load, startTime)
	select {
	case <-c.ready:
		return c, nil
	case <-c.over:
	case <-stop:
		c.kill(errors.New("it is no longer needed"))
	case <-time.After(startTime):
		c.kill(fmt.Errorf("it did not start within %s", startTime))
	}
	return nil, startError{c.why}
}

// startError means that no process could be started, whatever the scripts do.
type startError struct{ error }

// Error returns the reason.
func (e startError) Error() string { return "start the scripts' process: " + e.error.Error() }

// noProcess reports whether an error means that there was no process.
func noProcess(err error) bool {
	_, ok := errors.AsType[startError](err)
	return ok
}

// Transient reports whether an error is not due to the script or the row: no process could be started, for instance
// because the machine lacks resources, or a request of the script could not be served; see Later. Promise 5.
func Transient(err error) bool {
	_, ok := errors.AsType[laterError](err)
	return ok || noProcess(err)
}

// tell sends a frame. A process that no longer reads must not block the sender: it is killed. It is also killed on an
// error; both are noticed.
func (c *process) tell(kind frameKind, payload []byte, most time.Duration) {
	deaf := time.AfterFunc(most, func() { c.end(errors.New("its process did not listen")) })
	defer deaf.Stop()
	_ = c.out.send(kind, payload, true)
}

// environment returns the part of the node's environment that the process sees: only the time zone, and what the system
// needs to start a process.
func environment() []string {
	list := []string{"GOTRACEBACK=none"}
	for _, name := range []string{"TZ", "ZONEINFO", "SYSTEMROOT"} {
		if v, ok := os.LookupEnv(name); ok {
			list = append(list, name+"="+v)
		}
	}
	return list
}

// head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	text []byte
}

// Write accepts everything.
func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, b[:min(len(b), 4096-len(h.text))]...)
	return len(b), nil
}

// fatal finds why Go or the system's library ended a process.
var fatal = regexp.MustCompile(`(?m)^(?:fatal error|panic|runtime/cgo).*`)

// overflow is what Go says when a stack has grown beyond maxStack. The engine counts the calls of a script's functions, not
// those that its own functions make of each other, for instance through a toString that is such a function.
const overflow = "fatal error: stack overflow"

// listen reads frames from the process until it ends.
func (c *process) listen(out io.Reader, said *head) {
	r := bufio.NewReaderSize(out, 64<<10)
	for {
		kind, d, err := receive(r)
		if err == nil {
			err = c.hear(kind, d)
		}
		if errors.Is(err, errFrame) || errors.Is(err, errAsked) {
			c.end(err)
		}
		if err != nil {
			break
		}
	}
	c.end(nil)
	_, _ = io.Copy(io.Discard, out) // until it has ended
	err := c.cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	said.mu.Lock()
	defer said.mu.Unlock()
	switch {
	case c.killed != nil:
		c.why = c.killed
	case string(fatal.Find(said.text)) == overflow:
		c.why = errors.New("recursion is too deep")
	case len(fatal.Find(said.text)) > 0:
		c.why = fmt.Errorf("ended its process: %s", bounded(string(bytes.TrimSpace(fatal.Find(said.text)))))
	case err != nil:
		c.why = fmt.Errorf("ended its process: %w", err)
	default:
		c.why = errors.New("its process has ended")
	}
	close(c.over)
}

// hear handles a frame.
func (c *process) hear(kind frameKind, d *decoder) error {
	if kind == frameReady || kind == frameChecked || kind == frameLog {
		return c.hearApart(kind, d)
	}
	id := d.uint()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.runs[id]
	if r == nil { // it is no longer wanted
		return d.err()
	}
	switch kind {
	case frameResult:
		if r.done == len(r.results) {
			return errFrame
		}
		result := d.result(&r.tasks[r.done], r.file, c.owner.config.shown, func(request uint64) error { return r.errors[request] })
		if r.room < 0 {
			return d.err()
		}
		r.room -= c.owner.config.fit(r.file, &r.tasks[r.done], &result)
		if r.results[r.done] = result; r.room < 0 {
			close(r.full)
		}
		r.done++
		if r.ctx != nil {
			r.cancel() // no one waits any more for what the task has asked for
			r.ctx = nil
			clear(r.errors)
		}
		select {
		case r.moved <- struct{}{}:
		default:
		}
	case frameDone:
		if r.done < len(r.results) && r.room >= 0 {
			return errFrame
		}
		delete(c.runs, id)
		close(r.ended)
	case frameQuery:
		size := len(d.rest)
		request, sql := d.uint(), d.string()
		return c.answer(r, request, size, func(ctx context.Context) ([]value.Entity, error) { return c.query(ctx, r.file, sql) })
	case framePublish:
		size := len(d.rest)
		request, topic, qos, retain := d.uint(), d.string(), d.byte(), d.bool()
		message := d.rest
		if qos > 2 {
			return errFrame
		}
		return c.answer(r, request, size, func(ctx context.Context) ([]value.Entity, error) {
			return nil, c.owner.publisher.Publish(ctx, topic, message, qos, retain)
		})
	default:
		return errFrame
	}
	return d.err()
}

// hearApart handles a frame that belongs to no run.
func (c *process) hearApart(kind frameKind, d *decoder) error {
	switch kind {
	case frameReady:
		select {
		case <-c.ready:
			return errFrame
		default:
		}
		if text := d.string(); text != "" {
			c.owner.log.Warn("the process of the scripts is not sandboxed", zap.String("reason", bounded(text)))
		}
		close(c.ready)
	case frameChecked:
		x := checked{exports: exports{main: d.bool(), resolve: d.bool()}, used: d.strings()}
		x.err = d.result(nil, "", c.owner.config.shown, func(uint64) error { return nil }).Err
		select {
		case c.checked <- x:
		default:
			return errFrame
		}
	case frameLog:
		level, text := zapcore.Level(int8(d.byte())), d.string()
		fields := make([]zap.Field, min(d.count(), 10))
		for i := range fields {
			fields[i] = zap.String(bounded(d.string()), c.owner.config.shown(d.string()))
		}
		if level > zapcore.ErrorLevel || d.wrong { // those above end a process
			return errFrame
		}
		if entry := c.owner.log.Check(level, bounded(text)); entry != nil {
			entry.Write(fields...)
		}
	}
	return d.err()
}

// run runs tasks, and returns how many have results. The error is why the process ended before all had one, or that
// there was no room.
func (c *process) run(ctx context.Context, s script, limit time.Duration, tasks []task, results []Result, room *int) (int, error) {
	asked, cancel := context.WithCancel(ctx)
	r := &run{whole: asked, file: s.file, tasks: tasks, results: results, room: *room, moved: make(chan struct{}, 1), full: make(chan struct{}),
		ended: make(chan struct{}), errors: map[uint64]error{}}
	defer r.asking.Wait() // it does not outlive the run
	defer cancel()
	c.mu.Lock()
	c.last++
	id := c.last
	c.runs[id] = r
	c.mu.Unlock()
	b := appendBool(appendString(binary.AppendUvarint(nil, id), s.file), s.resolver)
	b = binary.AppendUvarint(b, uint64(len(tasks)))
	var err error
	for i := range tasks {
		if b, err = appendTask(b, &tasks[i]); err != nil {
			return c.unsent(id, s, tasks, results, err)
		}
	}
	if len(b) > maxFrame {
		return c.unsent(id, s, tasks, results, fmt.Errorf("the row has more than %d MiB", maxFrame>>20))
	}
	c.tell(frameRun, b, limit+graceTime)
	err = c.await(ctx, r, id, limit)
	c.mu.Lock()
	delete(c.runs, id)
	done := r.done
	*room = r.room
	c.mu.Unlock()
	if *room < 0 {
		return done, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		for i := range results {
			if i >= done || errors.Is(results[i].Err, context.Canceled) {
				results[i] = Result{Err: located(s.file, cause)}
			}
		}
		return len(results), nil
	}
	if late, ok := errors.AsType[lateError](err); ok && done < len(results) {
		results[done] = Result{Err: located(s.file, late)} // this one was running
		done++
		if done == len(results) {
			err = nil
		}
	}
	return done, err
}

// unsent gives up a run whose rows cannot be sent. If there are several, each is tried alone.
func (c *process) unsent(id uint64, s script, tasks []task, results []Result, err error) (int, error) {
	c.mu.Lock()
	delete(c.runs, id)
	c.mu.Unlock()
	if len(tasks) > 1 {
		return 0, err
	}
	results[0] = Result{Err: located(s.file, err)}
	return 1, nil
}

// await waits until a run has ended. The error is why the process ended first.
func (c *process) await(ctx context.Context, r *run, id uint64, limit time.Duration) error {
	late := time.NewTimer(limit + graceTime)
	defer late.Stop()
	canceled, full := ctx.Done(), r.full
	for {
		select {
		case <-r.ended:
			return nil
		case <-r.moved:
			late.Reset(limit + graceTime)
		case <-canceled:
			canceled = nil
			c.tell(frameCancel, binary.AppendUvarint(nil, id), graceTime)
			late.Reset(graceTime)
		case <-full:
			full = nil
			c.tell(frameCancel, binary.AppendUvarint(nil, id), graceTime)
			late.Reset(graceTime)
		case <-late.C:
			c.kill(tooLong(limit))
			return lateError{c.why}
		case <-c.over:
			return c.why
		}
	}
}

// lateError means that a process was killed because of a run's current task.
type lateError struct{ error }

func tooLong(limit time.Duration) error {
	return fmt.Errorf("ran longer than %s, and could not be interrupted", limit)
}

// check runs a file, and returns what it exports.
func (c *process) check(file string, limit time.Duration) (exports, []string, error) {
	c.tell(frameCheck, appendString(nil, file), limit)
	select {
	case x := <-c.checked:
		if x.err != nil {
			return exports{}, nil, x.err
		}
		return x.exports, x.used, nil
	case <-c.over:
	case <-time.After(limit):
		c.kill(tooLong(limit))
	}
	return exports{}, nil, located(file, c.why)
}

// ended reports whether the process has ended.
func (c *process) ended() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// end ends the process, because of err if that is not nil.
func (c *process) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed == nil {
		c.killed = err
	}
	_ = c.cmd.Process.Kill() // unless it has ended
}

// kill ends the process and waits for it.
func (c *process) kill(err error) {
	c.end(err)
	<-c.over
}

// stop asks the process to end, and kills it if it does not.
func (c *process) stop() {
	_ = c.in.Close() // then it has nothing more to do
	select {
	case <-c.over:
	case <-time.After(stopTime):
		c.kill(nil)
	}
}
