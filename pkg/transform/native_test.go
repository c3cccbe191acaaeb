package transform

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/dop251/goja"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// recursions makes one native function after the other call itself in all ways
// that a native can be made to.
const recursions = `
const {URL, URLSearchParams} = require('url');
const roots = [globalThis, require('url'), require('util'), require('buffer'),
	function* () {}, (function* () {})(), async () => {}, [].values(), new Map().values(), new Set().values(),
	''[Symbol.iterator](), ''.matchAll(/a/g), new URLSearchParams('').entries(), new URL('http://a').searchParams];
const natives = [];
const seen = new Set();
const look = (v, name) => {
	if (v === null || (typeof v !== 'object' && typeof v !== 'function') || seen.has(v)) return;
	seen.add(v);
	if (typeof v === 'function') natives.push({f: v, name});
	look(Object.getPrototypeOf(v), name + '.__proto__');
	for (const key of Reflect.ownKeys(v)) {
		const d = Reflect.getOwnPropertyDescriptor(v, key);
		look(d.value, name + '.' + String(key));
		look(d.get, 'get ' + name + '.' + String(key));
		look(d.set, 'set ' + name + '.' + String(key));
	}
};
roots.forEach((root, i) => look(root, 'root' + i));
const hooks = ['toString', 'valueOf', 'toJSON', 'join', 'next', 'then', 'exec', 'get', 'set', 'has', 'add', 'keys', 'return',
	'constructor', 'length', 'size', 'source', 'flags', 'name', 'message', 'index', 'lastIndex', 'value', 'done', '0', 'stack',
	Symbol.iterator, Symbol.species, Symbol.match, Symbol.matchAll, Symbol.replace, Symbol.search, Symbol.split,
	Symbol.hasInstance, Symbol.isConcatSpreadable, Symbol.toStringTag];
const traps = ['getPrototypeOf', 'setPrototypeOf', 'isExtensible', 'preventExtensions', 'getOwnPropertyDescriptor',
	'defineProperty', 'has', 'get', 'set', 'deleteProperty', 'ownKeys', 'apply', 'construct'];
const all = (o, names, f) => { for (const n of names) o[n] = f; return o; };
const getters = (o, f) => { for (const n of hooks) Reflect.defineProperty(o, n, {get: f, set: f, configurable: true}); return o; };
const prim = (o, f) => { o[Symbol.toPrimitive] = f; return o; };
const uses = [
	(o) => String(o), (o) => +o, (o) => o + '', (o, f) => f.call(o, o, o, o), (o, f) => f(o, o, o), (o, f) => f.call('x', o, o),
	(o) => JSON.stringify(o), (o) => JSON.stringify([o]), (o, f) => JSON.stringify(o, f), (o) => [...o], (o) => [o, o].sort() + '',
	(o, f) => [o, o].sort(f), (o, f) => [o].map(f, o), (o, f) => 'aa'.replace(/a/g, f), (o) => 'a'.split(o), (o) => 'a'.replace(o, o),
	(o, f) => new f(o, o), (o, f) => Reflect.construct(f, [o, o], f), (o, f) => Reflect.apply(f, o, [o, o]), (o) => o.then,
	(o, f) => f.call([o], o, o), (o, f) => f.call(/a/, o, o), (o, f) => f.call(new Map([[o, o]]), f, o), (o, f) => f.call(f, o, o),
	(o, f) => f.call(new Set([o]), o), (o, f) => f.call(new Uint8Array(2), o, o), (o, f) => f.call(new Date(0), o),
	(o) => new Date(o), (o) => Promise.resolve(o), (o) => ({}) instanceof o, (o) => [].concat(o), (o) => Array.from(o), (o) => new Map(o),
	(o) => { for (const k in o); }, (o) => Buffer.from(o), (o) => new Uint8Array(o), (o) => new Error(o, o) + '', (o) => new RegExp(o),
];
const objects = [
	(f) => ({toString: f}), (f) => ({valueOf: f, toString: f}), (f) => ({toJSON: f}), (f) => prim({}, f),
	(f) => all({}, hooks, f), (f) => getters({}, f), (f) => all(function () {}, ['toString', 'valueOf', 'toJSON'], f),
	(f) => { const a = all([1], ['toString', 'join', 'toJSON'], f); a[0] = a; return a; },
	(f) => { const o = {}; return prim(all(o, hooks, f.bind(o, o, o)), f.bind(o, o)); },
	(f) => { const o = {}; return all(o, ['toString', 'valueOf', 'toJSON'], Function.prototype.call.bind(f, o, o)); },
	(f) => new Proxy({}, all({}, traps, f)), (f) => new Proxy(f, all({}, traps, f)), (f) => new Proxy([1], {get: f}),
	(f) => { const t = {}; const p = new Proxy(t, {ownKeys: f}); Object.setPrototypeOf(t, p); return p; },
	(f) => all(Object.create(f.prototype || null), ['toString', 'valueOf', 'join'], f),
	(f) => all(new Date(0), ['toString', 'valueOf', 'toISOString'], f), (f) => all(/a/, ['exec', 'toString', 'constructor'], f),
	(f) => all(new Error(), ['toString', 'name', 'message'], f), (f) => all(Promise.resolve(), ['then', 'constructor'], f),
];
module.exports = ({entity}) => {
	if (entity.i === undefined) return {names: natives.map((n) => n.name)};
	const {f} = natives[entity.i];
	const end = Date.now() + 40; // each native begins elsewhere in the ways
	for (let i = 0, n = objects.length * uses.length; i < n && Date.now() < end; i++) {
		const way = (i + entity.i * 37) % n;
		try { uses[Math.floor(way / objects.length)](objects[way % objects.length](f), f); } catch (e) {}
	}
	return {};
};`

// nativesStep is the step in which TestNativesNeverEndTheProcess goes through the
// natives, of which there are some 550: all take minutes. With 1 it fails for the two
// of Buffer's own that docs/security.md names.
var nativesStep = flag.Int("natives-step", 40, "try each so many'th native function of the engine")

// TestNativesNeverEndTheProcess has a child process run the recursions of one
// native after the other. One that ends the child fails, by name, and another
// child goes on behind it.
func TestNativesNeverEndTheProcess(t *testing.T) {
	const variable = "TEST_NATIVES_FROM"
	tr := world{config: Config{TimeLimit: 5 * time.Second, Runtimes: 1}}.orders(t, recursions)
	got, err := tr.Apply(t.Context(), call())
	if err != nil {
		t.Fatal(err)
	}
	count := strings.Count(fmt.Sprintf("%s", got[0].Value), "root")
	if from := os.Getenv(variable); from != "" {
		i, _ := strconv.Atoi(from)
		for ; i < count; i += *nativesStep {
			fmt.Println("native", i)
			_, _ = tr.Apply(t.Context(), call(value.Field{Name: "i", Value: int64(i)})) // an error is in order
		}
		return
	}
	names := strings.Split(fmt.Sprintf("%s", got[0].Value), ",")
	if len(names) != count || count < 500 {
		t.Fatalf("%d natives, %d names", count, len(names))
	}
	for from := 0; from < count; from += *nativesStep {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=20m", fmt.Sprint("-natives-step=", *nativesStep))
		child.Env = append(os.Environ(), fmt.Sprint(variable, "=", from))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if number, ok := strings.CutPrefix(lines.Text(), "native "); ok {
				from, _ = strconv.Atoi(number)
			}
		}
		if child.Wait() != nil {
			t.Errorf("%s ends the process", names[from])
		}
	}
}

// TestNativesAreCounted looks at all that the engine knows by itself, where what
// no property leads to is as well.
func TestNativesAreCounted(t *testing.T) {
	tr := world{where: here}.orders(t, recursions)
	if _, err := tr.Apply(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
	m := <-tr.engine("orders").idle
	known := reflect.ValueOf(m.vm).Elem().FieldByName("global")
	natives := 0
	for i := range known.NumField() {
		field := known.Field(i)
		if field.Type() != reflect.TypeFor[*goja.Object]() {
			continue
		}
		o := (*goja.Object)(field.UnsafePointer())
		name := known.Type().Field(i).Name
		if o == nil {
			t.Errorf("%s does not exist before a script needs it", name)
			continue
		}
		n, ok := nativeOf(o)
		if !ok || *n.call == nil || name == "Eval" {
			continue
		}
		natives++
		if made := runtime.FuncForPC(**(**uintptr)(unsafe.Pointer(n.call))).Name(); !strings.Contains(made, "(*machine).count") {
			t.Errorf("%s is not counted", name)
		}
	}
	if natives < 40 {
		t.Errorf("only %d natives", natives)
	}
}

func TestRecursionOfNativesIsAnError(t *testing.T) {
	for name, lines := range map[string]string{
		"toString":                              "String({toString: String.prototype.at});",
		"bound":                                 "const o = {}; o.toString = Function.prototype.call.bind(String.prototype.at, o); String(o);",
		"own Proxy as prototype":                "const o = {}; const p = new Proxy(o, {}); Object.setPrototypeOf(o, p); p.x;",
		"own Proxy as prototype of the handler": "const h = {}; const p = new Proxy({}, h); Object.setPrototypeOf(h, p); p.x;",
		"revocable Proxy":                       "const o = {}; const {proxy} = Proxy.revocable(o, {}); Object.setPrototypeOf(o, proxy); proxy.x;",
		"finally": `let inner; const o = Promise.resolve();
			Promise.prototype.finally.call({then(f) { inner = f; }}, () => o);
			Object.defineProperty(o, 'constructor', {get: inner}); inner(1);`,
		"deep":    "let a = []; for (let i = 0; i < 2e5; i++) a = [a]; String(a);",
		"Proxies": "let a = {}; for (let i = 0; i < 1e5; i++) a = new Proxy(a, {}); a.x;",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apply(t, body(lines+"\nreturn {};"))
			wantError(t, err, "transform orders: orders.js:", "recursion is too deep")
		})
	}
}

func TestStringifyOfWhatNeverEndsIsStopped(t *testing.T) {
	for name, lines := range map[string]string{
		"replacer": "JSON.stringify(1, () => [1]);",
		"toJSON":   "const a = []; a[0] = a; Array.prototype.toJSON = Array.prototype.slice; JSON.stringify(a);",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := world{config: soon}.orders(t, body(lines)).Apply(t.Context(), call())
			wantError(t, err, "transform orders: orders.js:", "ran longer than")
		})
	}
}

func TestTooMuchCodeIsRefused(t *testing.T) {
	for _, expression := range []string{
		"eval('('.repeat(1e6))", "(0, eval)('('.repeat(1e6))", "Function('('.repeat(1e6))", "new Function('a', '['.repeat(1e6))",
		"(function* () {}).constructor('('.repeat(1e6))", "(async () => {}).constructor('('.repeat(1e6))",
		"RegExp('('.repeat(1e6))", "new RegExp({toString: () => '('.repeat(1e6)})", "'a'.match('('.repeat(1e6))",
		"new RegExp({source: '('.repeat(1e6), [Symbol.match]: true})", "/a/.compile('('.repeat(1e6))",
	} {
		_, err := apply(t, body(expression+";"))
		wantError(t, err, "orders.js:2: RangeError: this is too much code")
	}
	tr := New(zap.NewNop(), nil, nil, Config{Directory: directory(t, map[string]string{
		"orders.js": "module.exports = " + strings.Repeat("(", 4e6),
	})})
	wantError(t, tr.Load([]string{"orders"}), "code is nested too deep")
}

func TestCountedNativesLookAsEver(t *testing.T) {
	got, err := apply(t, body(`const log = [];
	const p = new Proxy({a: 1}, {get(t, k, r) { return k === 'b' ? this.own : Reflect.get(t, k, r); }, own: 2});
	class Own extends Proxy.revocable(Array, {}).proxy {}
	await Promise.resolve(1).finally(() => { log.push('f'); return 5; }).then(v => log.push(v));
	await Promise.reject(2).finally(() => log.push('g')).catch(v => log.push(v));
	return {
		a: String.prototype.at.name + String.prototype.at.length + String.prototype.repeat.name + Uint8Array.name,
		b: [].join.toString(),
		c: p.a + p.b + ('a' in p) + Object.keys(p) + (delete p.a) + JSON.stringify(p),
		d: new Own(3).length + new Proxy(function (x) { return x + 1; }, {})(1) + new (new Proxy(Date, {}))(5).getTime(),
		e: log.join(),
		f: eval('1 + 1') + Function('a', 'return a + 1')(1) + eval.name + eval.length,
		g: RegExp('a', 'g').flags + RegExp(/b/i).source + new RegExp(/c/, 'g') + RegExp() + RegExp(undefined, 'i') + RegExp(null),
		h: Array.isArray(new Proxy([], {})) + typeof new Proxy(() => 1, {}),
	};`))
	wantEntity(t, got, err,
		value.Field{Name: "a", Value: "at1repeatUint8Array"},
		value.Field{Name: "b", Value: "function join() { [native code] }"},
		value.Field{Name: "c", Value: "4atrue{}"},
		value.Field{Name: "d", Value: int64(10)},
		value.Field{Name: "e", Value: "f,1,g,2"},
		value.Field{Name: "f", Value: "4eval1"},
		value.Field{Name: "g", Value: "gb/c/g/(?:)//(?:)/i/null/"},
		value.Field{Name: "h", Value: "truefunction"})
}

func BenchmarkNewMachine(b *testing.B) {
	tr := world{where: here}.orders(b, body("return context.entity;"))
	s := tr.engine("orders")
	b.ReportAllocs()
	for b.Loop() {
		newMachine(s)
	}
}
