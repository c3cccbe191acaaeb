package transform

import (
	"context"
	"errors"
	"fmt"

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
	modules   *require.RequireModule
	log       *zap.Logger
	querier   Querier
	publisher Publisher
	strict    bool
	shown     func(string) string // see Config

	functions
	builtins
	running
	database, mqtt *goja.Object
	messageID      uint16 // of the last publish
}

// functions are what a file exports; nil is none.
type functions struct {
	loaded                  bool
	main, onDelete, resolve goja.Callable
}

// builtins are JavaScript's own, as they were before a script could replace them.
type builtins struct {
	date, rangeError *goja.Object // constructors
	parse, stringify goja.Callable
}

// running is a machine's state for the current call.
type running struct {
	table    string                     // for the log
	lines    int                        // written to the log
	rejected map[*goja.Promise]struct{} // promises that no one handles
}

// newMachine returns a machine that has the globals but has not yet run its file.
func newMachine(e *engine) *machine {
	vm := goja.New()
	registry := e.registry
	if FromHub(e.file) {
		registry = e.led
	}
	vm.SetMaxCallStackSize(callDepth)
	vm.SetParserOptions(parser.WithDisableSourceMaps) // eval would read files through them
	m := &machine{
		loop:      newLoop(vm),
		file:      e.file,
		modules:   registry.Enable(vm),
		log:       e.log.With(zap.String("file", e.file)),
		querier:   e.querier,
		publisher: e.publisher,
		strict:    e.config.Strict,
		shown:     e.config.shown,
		running:   running{rejected: map[*goja.Promise]struct{}{}},
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
	m.parse, _ = goja.AssertFunction(m.member("JSON", "parse"))
	m.stringify, _ = goja.AssertFunction(m.member("JSON", "stringify"))
	return m
}

// interrupt stops the machine, which must not be used afterwards.
func (m *machine) interrupt(cause error) { m.vm.Interrupt(cause) }

// frozen returns an object with one function, which no script can replace.
func (m *machine) frozen(name string, function func(goja.FunctionCall) goja.Value) *goja.Object {
	o := m.vm.NewObject()
	o.DefineDataProperty(name, m.vm.ToValue(function), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE)
	return o
}

// load runs the file unless it has run, and reads its exports. A file that only resolves conflicts exports an object
// without a transformer.
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
	m.functions = functions{loaded: true, main: main, onDelete: onDelete, resolve: resolve}
	return nil
}

// export returns the exported function with a name, or nil.
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

// context returns the context argument of the script's functions.
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
	if c.Job != "" {
		o.Set("job", c.Job)
		o.Set("date", c.Date)
	}
	return o
}

// call runs function until it has a result and every query and publish that it began has ended, awaited or not.
// Remaining timers are dropped.
func (m *machine) call(ctx context.Context, function goja.Callable, argument goja.Value) (goja.Value, error) {
	m.begin(ctx)
	defer m.end()
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
	delete(m.rejected, promise) // its error is the call's, not an unhandled one
	unhandled := m.unhandled()
	switch {
	case ok && promise.State() == goja.PromiseStateRejected:
		return nil, m.explainValue(promise.Result(), nil)
	case unhandled != nil:
		return nil, unhandled
	case ok:
		return promise.Result(), nil
	}
	return result, nil
}

// unhandled returns the error of a rejected promise that nothing handles if the machine is strict; else it logs them.
func (m *machine) unhandled() error {
	for p := range m.rejected {
		err := m.explainValue(p.Result(), nil)
		if m.strict {
			return err
		}
		if !m.mayLog() {
			break
		}
		m.log.Warn("transformer left a rejected promise", zap.String("table", m.table), zap.Error(err))
	}
	return nil
}

// trackRejection tracks rejected promises that no one handles.
func (m *machine) trackRejection(p *goja.Promise, operation goja.PromiseRejectionOperation) {
	if operation == goja.PromiseRejectionReject {
		m.rejected[p] = struct{}{}
	} else {
		delete(m.rejected, p)
	}
}
