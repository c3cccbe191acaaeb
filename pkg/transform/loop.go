package transform

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dop251/goja"
)

// loop drives what a script waits for: timers, and work outside the runtime. Everything runs in the goroutine of the
// call; only the work itself has goroutines, and none outlives the call.
type loop struct {
	vm       *goja.Runtime
	ctx      context.Context // of the call; stored since JavaScript cannot pass it on to natives
	work     context.Context // of the work that start begins; nil: none has begun
	cancel   context.CancelFunc
	timers   []timer // by due time
	lastID   int64
	pending  int               // pieces of work in progress
	finished chan func() error // what to do in the runtime when a piece is done
}

// timer is a function to call later, repeatedly if every is not 0.
type timer struct {
	id       int64
	due      time.Time
	every    time.Duration
	function goja.Callable
	args     []goja.Value
}

// newLoop returns vm's loop and installs the timer functions.
func newLoop(vm *goja.Runtime) *loop {
	l := &loop{vm: vm, finished: make(chan func() error)}
	vm.Set("setTimeout", func(c goja.FunctionCall) goja.Value { return l.schedule(c, 2, delay(c), 0) })
	vm.Set("setInterval", func(c goja.FunctionCall) goja.Value { return l.schedule(c, 2, delay(c), delay(c)) })
	vm.Set("setImmediate", func(c goja.FunctionCall) goja.Value { return l.schedule(c, 1, 0, 0) })
	for _, name := range []string{"clearTimeout", "clearInterval", "clearImmediate"} {
		vm.Set(name, l.unschedule)
	}
	return l
}

// delay returns the second argument, in milliseconds, at least 1 as in Node.js.
func delay(c goja.FunctionCall) time.Duration {
	return time.Duration(min(max(c.Argument(1).ToInteger(), 1), int64(longestTimeLimit/time.Millisecond))) * time.Millisecond
}

// schedule adds a timer for the function that is c's first argument; arguments from firstArg on are passed to it. It
// returns the timer's number.
func (l *loop) schedule(c goja.FunctionCall, firstArg int, after, every time.Duration) goja.Value {
	function, ok := goja.AssertFunction(c.Argument(0))
	if !ok {
		panic(l.vm.NewTypeError("the first argument of a timer must be a function"))
	}
	l.lastID++
	t := timer{id: l.lastID, due: time.Now().Add(after), every: every, function: function}
	if len(c.Arguments) > firstArg {
		t.args = slices.Clone(c.Arguments[firstArg:])
	}
	l.insert(t)
	return l.vm.ToValue(t.id)
}

// insert puts t after the timers that are due no later.
func (l *loop) insert(t timer) {
	at, _ := slices.BinarySearchFunc(l.timers, t.due, func(other timer, due time.Time) int {
		if other.due.After(due) {
			return 1
		}
		return -1
	})
	l.timers = slices.Insert(l.timers, at, t)
}

// unschedule removes the timer whose number is the first argument.
func (l *loop) unschedule(c goja.FunctionCall) goja.Value {
	id := c.Argument(0).ToInteger()
	l.timers = slices.DeleteFunc(l.timers, func(t timer) bool { return t.id == id })
	return goja.Undefined()
}

// start runs work concurrently with the script and returns the promise of its result, which result makes in the
// runtime.
func (l *loop) start(work func(context.Context) (result func() (goja.Value, error), err error)) goja.Value {
	if l.ctx == nil {
		panic(l.vm.NewTypeError("query and publish work only during a call"))
	}
	if l.work == nil {
		l.work, l.cancel = context.WithCancel(l.ctx)
	}
	ctx := l.work
	promise, resolve, reject := l.vm.NewPromise()
	failure := l.vm.NewGoError(errors.New("")) // made now, as it names the line that runs
	l.pending++
	go func() {
		result, err := work(ctx)
		l.finished <- func() error {
			var v goja.Value
			if err == nil {
				v, err = result()
			}
			if err == nil {
				return resolve(v)
			}
			failure.Set("name", "Error")
			failure.Set("message", err.Error())
			failure.Set("value", err)
			return reject(failure)
		}
	}()
	return l.vm.ToValue(promise)
}

// begin makes ctx the context of the work that start begins, until end.
func (l *loop) begin(ctx context.Context) { l.ctx = ctx }

// end ends the call: it waits for remaining work and drops the timers.
func (l *loop) end() {
	if l.work != nil {
		l.cancel()
	}
	for ; l.pending > 0; l.pending-- {
		<-l.finished
	}
	l.timers = nil
	l.ctx, l.work, l.cancel = nil, nil, nil
}

// settle runs the loop until p is settled. Its error is a limit, or what a timer's function threw.
func (l *loop) settle(ctx context.Context, p *goja.Promise) error {
	for p.State() == goja.PromiseStatePending {
		if l.pending == 0 && len(l.timers) == 0 {
			return errors.New("returned a promise that can never settle")
		}
		err := l.step(ctx, l.timers)
		if limit, ok := err.(*limitError); ok && limit.waiting != "" { //nolint:errorlint // an interrupt wraps it where a script ran
			return &limitError{text: limit.waiting}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish runs the loop until no work is in progress.
func (l *loop) finish(ctx context.Context) error {
	for l.pending > 0 {
		if err := l.step(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// step waits for the next piece of work or the first timer, and runs it.
func (l *loop) step(ctx context.Context, timers []timer) error {
	var due <-chan time.Time
	if len(timers) > 0 {
		t := time.NewTimer(time.Until(timers[0].due))
		defer t.Stop()
		due = t.C
	}
	select {
	case settle := <-l.finished:
		l.pending--
		return settle()
	case <-due:
		return l.fire()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fire runs the first timer.
func (l *loop) fire() error {
	t := l.timers[0]
	l.timers = slices.Delete(l.timers, 0, 1)
	if t.every > 0 {
		again := t
		again.due = time.Now().Add(t.every)
		l.insert(again)
	}
	_, err := t.function(goja.Undefined(), t.args...)
	return err
}
