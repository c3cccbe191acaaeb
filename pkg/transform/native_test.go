package transform

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// TestNativeRecursionCostsOnlyItsRow: the engine's own functions call each other, which the engine does not count:
// Go ends the process, and the row gets an error that says why.
func TestNativeRecursionCostsOnlyItsRow(t *testing.T) {
	for name, lines := range map[string]string{
		"toString":               "String({toString: String.prototype.at});",
		"own Proxy as prototype": "const o = {}; const p = new Proxy(o, {}); Object.setPrototypeOf(o, p); p.x;",
		"finally": `let inner; const o = Promise.resolve();
			Promise.prototype.finally.call({then(f) { inner = f; }}, () => o);
			Object.defineProperty(o, 'constructor', {get: inner}); inner(1);`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := world{where: apart, config: Config{TimeLimit: time.Minute}}.orders(t, body("if (context.id === '2') { "+lines+" }\nreturn {};"))
			got := tr.ApplyAll(t.Context(), "orders", rows("1", "2", "3"))
			wantError(t, got[1].Err, "transform orders: orders.js: recursion is too deep")
			for _, i := range []int{0, 2} {
				if got[i].Err != nil {
					t.Error(got[i].Err)
				}
			}
		})
	}
}

func TestANativeThatNeverEndsIsStopped(t *testing.T) {
	for name, lines := range map[string]string{
		"arrays in arrays": "let a = []; for (let i = 0; i < 2e5; i++) a = [a]; String(a);",
		"toJSON":           "const a = []; a[0] = a; Array.prototype.toJSON = Array.prototype.slice; JSON.stringify(a);",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := world{where: apart, config: soon}.orders(t, body(lines)).Apply(t.Context(), call())
			want := "ran longer than 500ms"
			if err != nil && strings.Contains(err.Error(), "too deep") { // frames of the race detector fill the stack sooner
				want = "recursion is too deep"
			}
			wantError(t, err, "transform orders: orders.js: "+want)
		})
	}
}

func TestEndlessStringifyIsStopped(t *testing.T) {
	_, err := world{config: soon}.orders(t, body("JSON.stringify(1, () => [1]);")).Apply(t.Context(), call())
	wantError(t, err, "transform orders: orders.js:", "ran longer than")
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

func TestGuardedFunctionsLookUnchanged(t *testing.T) {
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
