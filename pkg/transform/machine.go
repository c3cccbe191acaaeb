package transform

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja_nodejs/buffer"
	"github.com/dop251/goja_nodejs/require"
	_ "github.com/dop251/goja_nodejs/url" // for require('url')
	"go.uber.org/zap"
)

// machine is a JavaScript runtime that has run one file. Its module-level
// variables live as long as it does, as in Node.js; another machine of the same
// file has its own.
type machine struct {
	*loop
	file      string
	table     string // of the call that runs, for the log
	modules   *require.RequireModule
	log       *zap.Logger
	querier   Querier
	publisher Publisher

	loaded           bool
	main, onDelete   goja.Callable // nil where there is none
	resolve          goja.Callable // likewise
	database, mqtt   *goja.Object
	date             *goja.Object // the constructor
	parse, stringify goja.Callable
	rangeError       *goja.Object               // the constructor
	depth            int                        // of the native functions that call each other
	stopped          atomic.Bool                // for natives what an interrupt is for JavaScript
	rejected         map[*goja.Promise]struct{} // promises of the call that nobody handles
	messageID        uint16                     // of the last publish
	lines            int                        // that the call has written to the log
}

// newMachine returns a machine that has the globals but has not run its file.
func newMachine(e *engine) *machine {
	vm := goja.New()
	vm.SetMaxCallStackSize(callDepth)
	vm.SetParserOptions(parser.WithDisableSourceMaps) // eval would read files by them
	m := &machine{
		loop:      newLoop(vm),
		file:      e.file,
		modules:   e.registry.Enable(vm),
		log:       e.log.With(zap.String("file", e.file)),
		querier:   e.querier,
		publisher: e.publisher,
		rejected:  map[*goja.Promise]struct{}{},
	}
	vm.SetPromiseRejectionTracker(m.trackRejection)
	m.enableConsole()
	buffer.Enable(vm)
	m.database = m.frozen("query", m.query)
	m.mqtt = m.frozen("publish", m.publish)
	m.date = m.member("Date")
	m.rangeError = m.member("RangeError")
	m.guardNatives(e.config.MemoryLimit)
	m.guardCode()
	m.countProxies()
	m.countFinally()
	m.countNatives()
	m.parse, _ = goja.AssertFunction(m.member("JSON", "parse"))
	m.stringify, _ = goja.AssertFunction(m.member("JSON", "stringify"))
	return m
}

// interrupt ends what runs in the machine, which is of no use afterwards.
func (m *machine) interrupt(cause error) {
	m.stopped.Store(true)
	m.vm.Interrupt(cause)
}

// frozen returns an object with one function, which no script can replace.
func (m *machine) frozen(name string, function func(goja.FunctionCall) goja.Value) *goja.Object {
	o := m.vm.NewObject()
	o.DefineDataProperty(name, m.vm.ToValue(function), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE)
	return o
}

// load runs the file unless it has been run, and takes its exports. A file that
// only resolves conflicts exports an object without a transformer.
func (m *machine) load() error {
	if m.loaded {
		return nil
	}
	exports, err := m.modules.Require("./" + m.file)
	if err != nil {
		return m.explain(err)
	}
	main, ok := goja.AssertFunction(exports)
	var onDelete, resolve goja.Callable
	if object, isObject := exports.(*goja.Object); isObject {
		if onDelete, err = m.export(object, "onDelete"); err == nil {
			resolve, err = m.export(object, "resolve")
		}
	}
	switch {
	case err != nil:
		return err
	case !ok && (resolve == nil || onDelete != nil):
		return errors.New("module.exports is not a function")
	}
	m.main, m.onDelete, m.resolve, m.loaded = main, onDelete, resolve, true
	return nil
}

// export returns the function name of the exports, nil where there is none.
func (m *machine) export(exports *goja.Object, name string) (goja.Callable, error) {
	f := exports.Get(name)
	if f == nil || goja.IsUndefined(f) {
		return nil, nil
	}
	function, ok := goja.AssertFunction(f)
	if !ok {
		return nil, fmt.Errorf("module.exports.%s is not a function", name)
	}
	return function, nil
}

// context returns the argument of the script's functions.
func (m *machine) context(c Call, operation string, entity goja.Value) *goja.Object {
	o := m.vm.NewObject()
	for _, property := range []struct {
		name  string
		value any
	}{
		{"entity", entity},
		{"source", c.Source},
		{"target", c.Target},
		{"database", m.database},
		{"mysql", m.database},
		{"mqtt", m.mqtt},
		{"table", c.Table},
		{"id", c.ID},
		{"operation", operation},
	} {
		o.Set(property.name, property.value)
	}
	return o
}

// call runs function until its result is there and every query and publish that
// it began has ended, awaited or not. Timers that are left are dropped.
func (m *machine) call(ctx context.Context, function goja.Callable, argument goja.Value) (goja.Value, error) {
	defer m.begin(ctx)()
	defer clear(m.rejected)
	m.lines = 0
	result, err := function(goja.Undefined(), argument)
	if err != nil {
		return nil, m.explain(err)
	}
	promise, ok := exported[*goja.Promise](result)
	if ok {
		err = m.settle(ctx, promise)
	}
	if err == nil {
		err = m.finish(ctx)
	}
	if err != nil {
		return nil, m.explain(err)
	}
	delete(m.rejected, promise) // its error is the call's, none that goes unnoticed
	for p := range m.rejected {
		if !m.mayLog() {
			break
		}
		m.log.Warn("transformer left a rejected promise",
			zap.String("table", m.table), zap.Error(m.explainValue(p.Result(), nil)))
	}
	switch {
	case !ok:
		return result, nil
	case promise.State() == goja.PromiseStateRejected:
		return nil, m.explainValue(promise.Result(), nil)
	default:
		return promise.Result(), nil
	}
}

// trackRejection keeps the promises that were rejected and that nobody handles.
func (m *machine) trackRejection(p *goja.Promise, operation goja.PromiseRejectionOperation) {
	if operation == goja.PromiseRejectionReject {
		m.rejected[p] = struct{}{}
	} else {
		delete(m.rejected, p)
	}
}
