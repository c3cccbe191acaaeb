package transform

import "github.com/dop251/goja"

// maxNesting bounds how deep JSON may be nested, as encoding/json does. goja
// parses it recursively, and Go ends the process when a stack is too large.
const maxNesting = 10000

// elementSize is roughly the size of an array element, in bytes.
const elementSize = 16

// guardNatives wraps functions that allocate as much as a number argument says: no interrupt stops them, and Go ends
// the process when it runs out of memory. They throw a RangeError beyond limit bytes.
func (m *machine) guardNatives(limit int64) {
	fits := func(v goja.Value, unit int) {
		if _, ok := v.(*goja.Object); !ok && v.ToFloat()*float64(unit) > float64(limit) {
			m.refuse("this would take too much memory")
		}
	}
	count := func(c *goja.FunctionCall) { fits(c.Argument(0), 1) }
	text := m.member("String", "prototype")
	m.guard(text, "repeat", func(c *goja.FunctionCall) { fits(c.Argument(0), len(c.This.String())) })
	m.guard(text, "padStart", count)
	m.guard(text, "padEnd", count)
	array := m.member("Array", "prototype")
	m.guard(array, "fill", func(c *goja.FunctionCall) { fits(m.length(c.This), elementSize) })
	m.guard(array, "join", func(c *goja.FunctionCall) { fits(m.length(c.This), elementSize) })
	m.guard(m.member("Array"), "from", func(c *goja.FunctionCall) { fits(m.length(c.Argument(0)), elementSize) })
	m.guard(m.member("Buffer"), "alloc", count)
	m.guard(m.member("Buffer"), "from", func(c *goja.FunctionCall) { fits(m.length(c.Argument(0)), elementSize) })
	m.guard(m.member("JSON"), "parse", func(c *goja.FunctionCall) {
		if nesting(c.Argument(0).String()) > maxNesting {
			m.refuse("JSON is nested too deep")
		}
	})
	for name, unit := range map[string]int{
		"ArrayBuffer": 1, "Int8Array": 1, "Uint8Array": 1, "Uint8ClampedArray": 1, "Int16Array": 2, "Uint16Array": 2,
		"Int32Array": 4, "Uint32Array": 4, "Float32Array": 4, "Float64Array": 8, "BigInt64Array": 8, "BigUint64Array": 8,
	} {
		m.guardConstructor(m.member(name), func(args []goja.Value) []goja.Value {
			if len(args) > 0 {
				fits(args[0], unit)
			}
			return args
		})
	}
}

// guard makes object's function name call check first.
func (m *machine) guard(object *goja.Object, name string, check func(*goja.FunctionCall)) {
	function := object.Get(name).(*goja.Object)
	call := function.Export().(func(goja.FunctionCall) goja.Value)
	guarded := m.vm.ToValue(func(c goja.FunctionCall) goja.Value {
		check(&c)
		return call(c)
	}).(*goja.Object)
	for _, own := range []string{"name", "length"} {
		guarded.DefineDataProperty(own, function.Get(own), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
	object.DefineDataProperty(name, guarded, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// guardConstructor makes a constructor, called or constructed, see the arguments that change returns. Scripts get a Proxy
// of it. What the engine itself makes anew, such as the RegExp of a split, it makes with the constructor as it was.
func (m *machine) guardConstructor(constructor *goja.Object, change func([]goja.Value) []goja.Value) {
	call := constructor.Export().(func(goja.FunctionCall) goja.Value)
	construct, _ := goja.AssertConstructor(constructor)
	get := m.member("Reflect", "get").Export().(func(goja.FunctionCall) goja.Value)
	isInstance := constructor.GetSymbol(goja.SymHasInstance).Export().(func(goja.FunctionCall) goja.Value)
	own := map[*goja.Symbol]goja.Value{
		goja.SymSpecies: constructor,
		goja.SymHasInstance: m.vm.ToValue(func(c goja.FunctionCall) goja.Value { // instanceof is an error for a Proxy
			return isInstance(goja.FunctionCall{This: constructor, Arguments: c.Arguments})
		}),
	}
	var guarded *goja.Object
	guarded = m.vm.ToValue(m.vm.NewProxy(constructor, &goja.ProxyTrapConfig{
		Apply: func(_ *goja.Object, this goja.Value, args []goja.Value) goja.Value {
			return call(goja.FunctionCall{This: this, Arguments: change(args)})
		},
		Construct: func(_ *goja.Object, args []goja.Value, newTarget *goja.Object) *goja.Object {
			o, err := construct(newTarget, change(args)...)
			if err != nil {
				panic(err)
			}
			return o
		},
		GetSym: func(_ *goja.Object, symbol *goja.Symbol, receiver goja.Value) goja.Value {
			if v := own[symbol]; v != nil && receiver == guarded {
				return v
			}
			return get(goja.FunctionCall{Arguments: []goja.Value{constructor, symbol, receiver}})
		},
	})).(*goja.Object)
	if name := constructor.Get("name").String(); m.vm.GlobalObject().Get(name) == constructor {
		m.vm.Set(name, guarded)
	}
	prototype := constructor.Get("prototype").(*goja.Object)
	prototype.DefineDataProperty("constructor", guarded, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// member returns the object at path, starting from the global object.
func (m *machine) member(path ...string) *goja.Object {
	o := m.vm.GlobalObject()
	for _, name := range path {
		o = o.Get(name).ToObject(m.vm)
	}
	return o
}

// length returns an object's length property, or undefined.
func (m *machine) length(v goja.Value) goja.Value {
	if o, ok := v.(*goja.Object); ok {
		if n := o.Get("length"); n != nil {
			return n
		}
	}
	return goja.Undefined()
}

// refuse throws a RangeError.
func (m *machine) refuse(text string) {
	e, err := m.vm.New(m.rangeError, m.vm.ToValue(text))
	if err != nil {
		panic(err)
	}
	panic(e)
}

// nesting returns how deep arrays and objects are nested in a JSON text.
func nesting(text string) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
