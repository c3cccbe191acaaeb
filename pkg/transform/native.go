package transform

import (
	"errors"
	"reflect"
	"strconv"
	"sync"
	"unsafe"

	"github.com/dop251/goja"
)

// nativeDepth bounds how deep the engine's own functions call each other, for instance through a toString that is such
// a function. goja counts only JavaScript calls, and Go ends the process when a stack is too large; one level takes up
// to about 10 KB of it.
const nativeDepth = callDepth

// errStopped ends a native function that is called after its call was stopped.
// The caller of the script sees the reason instead.
var errStopped = errors.New("stopped")

// native is the Go side of a function of the engine. Changing it changes the
// function wherever it is known, and nothing that a script can see: its
// identity, name, length and prototype stay.
type native struct {
	call      *func(goja.FunctionCall) goja.Value
	construct *func([]goja.Value, *goja.Object) *goja.Object
}

// nativeFields are the offsets of the fields of native in a type of goja; isNative is false if it has none.
type nativeFields struct {
	call, construct uintptr
	isNative        bool
}

// layouts are the nativeFields by type.
var layouts sync.Map

// nativeOf returns the Go side of o. goja exposes it only through unexported fields, and cannot count native calls.
// TestNativesAreCounted fails if these fields change.
func nativeOf(o *goja.Object) (native, bool) {
	self := reflect.ValueOf(o).Elem().FieldByName("self").Elem()
	if self.Kind() != reflect.Pointer || self.Elem().Kind() != reflect.Struct {
		return native{}, false
	}
	t := self.Type().Elem()
	known, ok := layouts.Load(t)
	if !ok {
		known, _ = layouts.LoadOrStore(t, layoutOf(t))
	}
	fields := known.(nativeFields)
	if !fields.isNative {
		return native{}, false
	}
	at := self.UnsafePointer()
	return native{
		call:      (*func(goja.FunctionCall) goja.Value)(unsafe.Add(at, fields.call)),
		construct: (*func([]goja.Value, *goja.Object) *goja.Object)(unsafe.Add(at, fields.construct)),
	}, true
}

// layoutOf returns where t has the fields of native.
func layoutOf(t reflect.Type) nativeFields {
	call, hasCall := t.FieldByName("f")
	construct, hasConstruct := t.FieldByName("construct")
	if !hasCall || !hasConstruct || call.Type != reflect.TypeFor[func(goja.FunctionCall) goja.Value]() ||
		construct.Type != reflect.TypeFor[func([]goja.Value, *goja.Object) *goja.Object]() {
		return nativeFields{}
	}
	return nativeFields{call: offset(t, call.Index), construct: offset(t, construct.Index), isNative: true}
}

// offset returns the offset in t of the field with index, which passes no embedded pointers.
func offset(t reflect.Type, index []int) uintptr {
	var sum uintptr
	for _, i := range index {
		field := t.Field(i)
		sum += field.Offset
		t = field.Type
	}
	return sum
}

// count makes o, if it is a native function, count its calls.
func (m *machine) count(o *goja.Object) {
	n, ok := nativeOf(o)
	if !ok {
		return
	}
	if call := *n.call; call != nil {
		*n.call = func(c goja.FunctionCall) goja.Value {
			m.enter()
			defer m.leave()
			return call(c)
		}
	}
	if construct := *n.construct; construct != nil {
		*n.construct = func(args []goja.Value, newTarget *goja.Object) *goja.Object {
			m.enter()
			defer m.leave()
			return construct(args, newTarget)
		}
	}
}

// enter begins a call of a native function. After a limit it also stops natives that keep calling each other, since
// they do not check for interrupts.
func (m *machine) enter() {
	if m.stopped.Load() {
		panic(errStopped)
	}
	if m.depth >= nativeDepth {
		depth := m.depth
		m.depth = 0 // making the error calls natives
		defer func() { m.depth = depth }()
		m.refuse("recursion is too deep")
	}
	m.depth++
}

// leave ends what enter began.
func (m *machine) leave() { m.depth-- }

// hidden makes the objects that no property of a global leads to.
var hidden = goja.MustCompile("", `[
	function () {}, function* () {}, (function* () {})(), async () => {}, class {},
	[].values(), new Map().values(), new Set().values(), ''[Symbol.iterator](), ''.matchAll(/a/g),
	(function () { return arguments })(), (function () { 'use strict'; return arguments })(),
	new (require('url').URLSearchParams)('').entries(), new (require('url').URL)('http://a').searchParams,
	require('url'), require('util'), require('buffer'),
]`, false)

// countNatives makes all native functions that a script can reach count their
// calls.
func (m *machine) countNatives() {
	rest, err := m.vm.RunProgram(hidden)
	if err != nil {
		panic(err)
	}
	describe, _ := goja.AssertFunction(m.member("Reflect", "getOwnPropertyDescriptor"))
	list, _ := goja.AssertFunction(m.member("Reflect", "ownKeys"))
	seen := map[*goja.Object]struct{}{}
	var found []*goja.Object
	add := func(v goja.Value) {
		if o, ok := v.(*goja.Object); ok && o != nil {
			if _, known := seen[o]; !known {
				seen[o] = struct{}{}
				found = append(found, o)
			}
		}
	}
	for _, root := range []goja.Value{m.vm.GlobalObject(), rest, m.database, m.mqtt, m.vm.NewGoError(errStopped)} {
		add(root)
	}
	look := func(o *goja.Object, key goja.Value) {
		descriptor, err := describe(goja.Undefined(), o, key)
		if err != nil {
			panic(err)
		}
		if d, ok := descriptor.(*goja.Object); ok {
			add(d.Get("value"))
			add(d.Get("get"))
			add(d.Get("set"))
		}
	}
	for len(found) > 0 {
		o := found[len(found)-1]
		found = found[:len(found)-1]
		add(o.Prototype())
		keys, err := list(goja.Undefined(), o)
		if err != nil {
			panic(err)
		}
		for i := range keys.(*goja.Object).Get("length").ToInteger() {
			look(o, keys.(*goja.Object).Get(strconv.FormatInt(i, 10)))
		}
	}
	for o := range seen {
		m.count(o)
	}
}
