package transform

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"
)

// callDepth bounds the recursion of a script. One level takes up to about 10 KB of the goroutine's stack, which must
// stay far below Go's limit of 1 GB.
const callDepth = 2000

// stackLimit is how many bytes all stacks may grow during a call. It stops recursion that callDepth does not count,
// such as JSON.stringify with a replacer that always returns another array.
const stackLimit = 96 << 20

// samplePeriod is how often the heap is sampled during a call. Most calls end before the first sample and cost none.
const samplePeriod = 10 * time.Millisecond

// limitError is a limit that a call exceeded.
type limitError struct {
	text    string
	waiting string // the text if the script waited for a promise; "" means the same text
}

func (e *limitError) Error() string { return e.text }

// limited runs work, which uses a machine, within its time and memory limits, and turns panics into errors. When a
// limit is reached, work's ctx ends and interrupt is called, which stops the machine. intact reports whether the
// machine can be reused.
func limited(ctx context.Context, interrupt func(cause error), limit time.Duration, memory int64, work func(context.Context) error) (err error, intact bool) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watch := watchLimits(limit, memory, stop)
	defer watch.stop()
	goesOn := context.AfterFunc(ctx, func() { interrupt(context.Cause(ctx)) })

	err, intact = recovered(func() error { return work(ctx) })
	if !goesOn() {
		return stopError(err, context.Cause(ctx)), false
	}
	return err, intact
}

// stopError returns the error of a call that was stopped for cause: the limit as work reports it, or cause.
func stopError(err, cause error) error {
	if limit, ok := errors.AsType[*limitError](err); ok {
		return limit
	}
	return cause
}

// recovered calls f. A panic, or a stop that JavaScript cannot catch, leaves the runtime not intact.
func recovered(f func() error) (err error, intact bool) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err, intact = p, false
		default:
			err, intact = fmt.Errorf("%v", p), false
		}
		var interrupted *goja.InterruptedError
		var overflow *goja.StackOverflowError
		if errors.As(err, &interrupted) || errors.As(err, &overflow) {
			intact = false
		}
	}()
	return f(), true
}

// limitWatch ends a call that takes too long, or during which the heap or the stacks grow too much. One timer does both:
// most calls end before it first fires. It sees the memory of the whole process, since Go counts it only there: while one
// script eats memory, another long-running one may be stopped instead.
type limitWatch struct {
	begun    time.Time
	limit    time.Duration
	memory   int64
	base     int64 // live bytes at the first sample; 0 before
	stacks   int64 // bytes of all stacks then
	exceeded func(error)
	stopped  atomic.Bool
	first    *time.Timer
}

// watchLimits calls exceeded after the time limit, or once the live heap has grown by memory bytes or the stacks by
// stackLimit.
func watchLimits(limit time.Duration, memory int64, exceeded func(error)) *limitWatch {
	w := &limitWatch{begun: time.Now(), limit: limit, memory: memory, exceeded: exceeded}
	w.first = time.AfterFunc(min(samplePeriod, limit), w.sample)
	return w
}

// stop ends the watch; one more sample may be in progress.
func (w *limitWatch) stop() {
	w.stopped.Store(true)
	w.first.Stop()
}

// sample looks at what the last garbage collection left, since garbage must not count: a script that only makes garbage
// is fine. What is allocated during a collection counts until the next one: a few MiB, since the heap is that small, but
// hundreds on a machine so busy that the collection takes long. So what seems too much is looked at again.
func (w *limitWatch) sample() {
	if w.stopped.Load() {
		return
	}
	left := w.limit - time.Since(w.begun)
	if left <= 0 {
		w.exceeded(&limitError{
			text:    "ran longer than " + w.limit.String(),
			waiting: "returned a promise that was not settled within " + w.limit.String(),
		})
		return
	}
	now := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(now)
	bytes, stacks := int64(now[0].Value.Uint64()), int64(now[1].Value.Uint64())
	switch {
	case w.base == 0:
		w.base, w.stacks = bytes, stacks
	case stacks-w.stacks > stackLimit:
		w.exceeded(&limitError{text: "recursion is too deep"})
		return
	case bytes-w.base > w.memory && surely()-w.base > w.memory:
		w.exceeded(&limitError{text: fmt.Sprintf("took more than %d MiB of memory", w.memory>>20)})
		return
	}
	time.AfterFunc(min(samplePeriod, left), w.sample)
}

// surely collects the garbage, and returns how many bytes were live before: what was allocated meanwhile does not count.
func surely() int64 {
	const allocated = "/gc/heap/allocs:bytes"
	before, after := []metrics.Sample{{Name: allocated}}, []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: allocated}}
	metrics.Read(before)
	runtime.GC()
	metrics.Read(after)
	return int64(after[0].Value.Uint64()) - int64(after[1].Value.Uint64()-before[0].Value.Uint64())
}
