package transform

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// argument is the only argument of this program when it runs scripts for a node.
const argument = "run-scripts"

// program is what a node starts for its scripts; if empty, they run in its own process.
var program string

// Main must be the first call of a program whose nodes run scripts in separate processes. If the program was started as
// such a process, Main does not return.
func Main() {
	if len(os.Args) == 2 && os.Args[1] == argument {
		// It ends when the node closes the pipe, not on a signal that both receive.
		signal.Ignore(os.Interrupt, syscall.SIGTERM)
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	program = self()
}

// collectAt is how much garbage, in percent of the memory in use, may accumulate before a collection: little is in use,
// and rows make much garbage. Close to the limit it is less.
const collectAt = 400

// server is the process that runs scripts for a node.
type server struct {
	out   *frames
	local *local

	mu      sync.Mutex
	runs    map[uint64]context.CancelFunc
	waiting map[uint64]chan answer // by request
	last    uint64                 // request
}

// answer is that to a query or a message.
type answer struct {
	rows []value.Entity
	err  error
}

// serve runs scripts until in ends.
func serve(in io.Reader, out io.Writer) error {
	s := &server{out: newFrames(out), runs: map[uint64]context.CancelFunc{}, waiting: map[uint64]chan answer{}}
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		kind, d, err := receive(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.take(kind, d)
		}
		if err != nil {
			return err
		}
	}
}

// take handles a frame.
func (s *server) take(kind frameKind, d *decoder) error {
	switch kind {
	case frameLoad:
		return s.load(d)
	case frameCheck:
		file := d.string()
		go s.check(file)
	case frameRun:
		id, at := d.uint(), script{d.string(), d.bool()}
		tasks := make([]task, d.count())
		for i := range tasks {
			tasks[i] = d.task()
		}
		if d.wrong {
			return errFrame
		}
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), runKey{}, id))
		s.mu.Lock()
		s.runs[id] = cancel
		s.mu.Unlock()
		go s.run(ctx, id, at, tasks)
	case frameCancel:
		s.mu.Lock()
		cancel := s.runs[d.uint()]
		s.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	case frameAnswer:
		s.answered(d)
	default:
		return errFrame
	}
	return d.err()
}

// load reads the limits and the files, and gives up what this process does not need.
func (s *server) load(d *decoder) error {
	c := Config{TimeLimit: time.Duration(d.int()), MemoryLimit: d.int(), Runtimes: int(d.int()), Strict: d.bool(), apart: true}
	files := &sources{files: map[string][]byte{}}
	for range d.count() {
		name := d.string()
		files.files[name] = d.take(d.uint())
	}
	if err := d.err(); err != nil {
		return err
	}
	_ = time.Now().Local().String() // reads the time zone's file while files can still be read
	failed := ""
	if err := confine(c.MemoryLimit * int64(c.Runtimes)); err != nil {
		failed = err.Error()
	}
	debug.SetMaxStack(maxStack)
	debug.SetGCPercent(collectAt)
	debug.SetMemoryLimit(c.MemoryLimit * int64(c.Runtimes))
	s.local = newLocal(zap.New(logCore{LevelEnabler: zapcore.DebugLevel, out: s.out}), asking{s}, asking{s}, c, files)
	return s.out.send(frameReady, appendString(nil, failed), true)
}

func (s *server) check(file string) {
	x, used, err := s.local.check(file)
	b := appendBool(appendBool(nil, x.main), x.resolve)
	b = appendStrings(b, used)
	b, _ = appendResult(b, &Result{Err: err}) // a result without a row can always be sent
	_ = s.out.send(frameChecked, b, true)     // a broken pipe ends serve
}

// run runs the tasks of a run.
func (s *server) run(ctx context.Context, id uint64, at script, tasks []task) {
	for i := range tasks {
		head := binary.AppendUvarint(nil, id)
		r := Result{Err: ctx.Err()}
		if r.Err == nil {
			r = s.local.do(ctx, at, &tasks[i])
		}
		b, err := appendResult(head, &r)
		if err == nil && len(b) > maxFrame {
			err = fmt.Errorf("returned a row of more than %d MiB", maxFrame>>20)
		}
		if err != nil {
			b, _ = appendResult(head, &Result{Err: &scriptError{where: at.file, text: err.Error()}})
		}
		_ = s.out.send(frameResult, b, false) // a broken pipe ends serve
	}
	s.mu.Lock()
	s.runs[id]()
	delete(s.runs, id)
	s.mu.Unlock()
	_ = s.out.send(frameDone, binary.AppendUvarint(nil, id), true)
}

func (s *server) answered(d *decoder) {
	request, failed := d.uint(), d.bool()
	var a answer
	if failed {
		a.err = &answerError{request, d.string()}
	} else {
		for range d.count() {
			a.rows = append(a.rows, d.entity())
		}
	}
	s.mu.Lock()
	waits := s.waiting[request]
	delete(s.waiting, request)
	s.mu.Unlock()
	if waits != nil {
		waits <- a
	}
}

// runKey is the key under which a run's context holds its number.
type runKey struct{}

// asking is the Querier and Publisher of scripts: it asks the node.
type asking struct{ s *server }

// Query makes the node run a statement.
func (a asking) Query(ctx context.Context, _, sql string) ([]value.Entity, error) {
	return a.ask(ctx, frameQuery, appendString(nil, sql))
}

// Publish makes the node publish a message.
func (a asking) Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error {
	b := appendBool(append(appendString(nil, topic), qos), retain)
	_, err := a.ask(ctx, framePublish, append(b, message...))
	return err
}

func (a asking) ask(ctx context.Context, kind frameKind, question []byte) ([]value.Entity, error) {
	if len(question) > maxFrame-2*binary.MaxVarintLen64 {
		return nil, fmt.Errorf("more than %d MiB", maxFrame>>20)
	}
	run, _ := ctx.Value(runKey{}).(uint64)
	got := make(chan answer, 1)
	a.s.mu.Lock()
	a.s.last++
	request := a.s.last
	a.s.waiting[request] = got
	a.s.mu.Unlock()
	b := binary.AppendUvarint(binary.AppendUvarint(nil, run), request)
	if err := a.s.out.send(kind, append(b, question...), true); err != nil {
		return nil, err
	}
	select {
	case answer := <-got:
		return answer.rows, answer.err
	case <-ctx.Done():
		a.s.mu.Lock()
		delete(a.s.waiting, request)
		a.s.mu.Unlock()
		return nil, ctx.Err()
	}
}

// logCore sends scripts' output to the node, which decides what to keep.
type logCore struct {
	zapcore.LevelEnabler
	out    *frames
	fields []zapcore.Field
}

// With returns a core with further fields.
func (c logCore) With(fields []zapcore.Field) zapcore.Core {
	c.fields = slices.Concat(c.fields, fields)
	return c
}

// Check adds the core.
func (c logCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return checked.AddCore(e, c)
}

// Write sends an entry.
func (c logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	all := zapcore.NewMapObjectEncoder()
	for _, f := range slices.Concat(c.fields, fields) {
		f.AddTo(all)
	}
	b := appendString([]byte{byte(e.Level)}, e.Message)
	b = binary.AppendUvarint(b, uint64(len(all.Fields)))
	for _, key := range slices.Sorted(maps.Keys(all.Fields)) {
		b = appendString(appendString(b, key), fmt.Sprint(all.Fields[key]))
	}
	return c.out.send(frameLog, b, false)
}

// Sync does nothing.
func (logCore) Sync() error { return nil }
