package transform

import "github.com/dop251/goja"

// traps are the functions a Proxy's handler can have, each with the function of Reflect that does the same without it.
var traps = []string{
	"getPrototypeOf", "setPrototypeOf", "isExtensible", "preventExtensions", "getOwnPropertyDescriptor", "defineProperty",
	"has", "get", "set", "deleteProperty", "ownKeys", "apply", "construct",
}

// countProxies makes each operation on a Proxy a native function call, so that it counts. Otherwise an object whose
// prototype is its own Proxy, or a handler that inherits from its Proxy, would be looked up endlessly without a call.
func (m *machine) countProxies() {
	own := goja.NewSymbol("handler")
	all := m.vm.CreateObject(nil)
	for _, name := range traps {
		all.Set(name, m.trap(name, own))
		m.count(all.Get(name).(*goja.Object))
	}
	// counted returns args, those of new Proxy, with a handler that delegates to the one in them.
	counted := func(args []goja.Value) []goja.Value {
		if len(args) < 2 {
			return args
		}
		handler, ok := args[1].(*goja.Object)
		if !ok {
			return args
		}
		asking := m.vm.CreateObject(all)
		asking.SetSymbol(own, handler)
		return []goja.Value{args[0], asking}
	}
	n, _ := nativeOf(m.member("Proxy"))
	construct := *n.construct
	*n.construct = func(args []goja.Value, newTarget *goja.Object) *goja.Object {
		return construct(counted(args), newTarget)
	}
	n, _ = nativeOf(m.member("Proxy", "revocable"))
	revocable := *n.call
	*n.call = func(c goja.FunctionCall) goja.Value {
		c.Arguments = counted(c.Arguments)
		return revocable(c)
	}
}

// trap returns the trap with a name for the handlers that countProxies makes, which hold the script's handler under the
// symbol own.
func (m *machine) trap(name string, own *goja.Symbol) goja.Value {
	without, _ := goja.AssertFunction(m.member("Reflect", name))
	return m.vm.ToValue(func(c goja.FunctionCall) goja.Value {
		handler := c.This.(*goja.Object).GetSymbol(own).(*goja.Object)
		this, function := goja.Undefined(), without
		if v := handler.Get(name); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
			var ok bool
			if function, ok = goja.AssertFunction(v); !ok {
				panic(m.vm.NewTypeError("%s of a Proxy's handler is not a function", name))
			}
			this = handler
		}
		result, err := function(this, c.Arguments...)
		if err != nil {
			panic(err)
		}
		return result
	})
}

// countFinally makes the functions that Promise.prototype.finally passes on count their calls. They are the only
// native-made functions that can call themselves: those of a promise work once.
func (m *machine) countFinally() {
	n, _ := nativeOf(m.member("Promise", "prototype", "finally"))
	finally := *n.call
	*n.call = func(c goja.FunctionCall) goja.Value {
		promise, isObject := c.This.(*goja.Object)
		if _, ok := goja.AssertFunction(c.Argument(0)); !ok || !isObject {
			return finally(c)
		}
		between := m.vm.NewObject()
		between.Set("constructor", promise.Get("constructor"))
		between.Set("then", func(c goja.FunctionCall) goja.Value {
			for _, v := range c.Arguments {
				m.count(v.(*goja.Object))
			}
			then, ok := goja.AssertFunction(promise.Get("then"))
			if !ok {
				panic(m.vm.NewTypeError("then is not a function"))
			}
			result, err := then(promise, c.Arguments...)
			if err != nil {
				panic(err)
			}
			return result
		})
		c.This = between
		return finally(c)
	}
}
