package transform

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dlclark/regexp2/v2"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// soon is a time limit for scripts that never end by themselves. It leaves a busy
// machine enough time to load one.
var soon = Config{TimeLimit: 500 * time.Millisecond}

func TestScriptThatNeverReturnsIsStopped(t *testing.T) {
	for name, lines := range map[string]string{
		"loop":           "while (true) {}",
		"caught loop":    "while (true) try { while (true) {} } catch (e) {} finally { while (true) {} }",
		"microtasks":     "while (true) await null;",
		"after an await": "await null; while (true) {}",
		"timer":          "await new Promise(r => setTimeout(() => { while (true) {} }));",
		"getter":         "return {get a() { while (true) {} }};",
		"toJSON":         "return {a: {toJSON() { while (true) {} }}};",
		"toString":       "throw {toString() { while (true) {} }};",
		"left promise":   "Promise.reject({toString() { while (true) {} }}); return context.entity;",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := world{config: soon}.orders(t, body(lines)).Apply(t.Context(), call())
			wantError(t, err, "transform orders: orders.js: ran longer than 500ms")
			if errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("the script's limit looks like the caller's")
			}
		})
	}
}

func TestEndlessBacktrackingIsAnErrorNotAMismatch(t *testing.T) {
	before := regexp2.DefaultMatchTimeout
	defer func() { regexp2.DefaultMatchTimeout = before }()
	regexp2.DefaultMatchTimeout = 10 * soon.TimeLimit // as in production no shorter than the limit of a call
	_, err := world{where: here, config: soon}.orders(t, body(`return {match: /^(a+)+\1$/.test('a'.repeat(60) + 'b')};`)).Apply(t.Context(), call())
	wantError(t, err, "orders.js: ran longer than 500ms")
}

func TestPromiseThatIsNotSettledInTimeIsAnError(t *testing.T) {
	for name, lines := range map[string]string{
		"timer":    "await new Promise(r => setTimeout(r, 6000)); return context.entity;",
		"interval": "await new Promise(r => setInterval(() => {}, 3000));",
		"query":    "await context.database.query('SELECT SLEEP(100)');",
		"handled":  "try { await context.database.query('SELECT SLEEP(100)'); } catch (e) {} return context.entity;",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := New(zap.NewNop(), queryFunc(func(ctx context.Context, _ string) ([]value.Entity, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}), nil, Config{Directory: directory(t, map[string]string{"orders.js": body(lines)})}) // with the usual limit
				tr.program = ""
				if err := tr.Load([]string{"orders"}); err != nil {
					t.Fatal(err)
				}
				_, err := tr.Apply(t.Context(), call())
				wantError(t, err, "orders.js: returned a promise that was not settled within 5s")
			})
		})
	}
}

func TestAPromiseThatNothingCanSettleFailsAtOnce(t *testing.T) {
	_, err := apply(t, body("await new Promise(() => {});"))
	wantError(t, err, "orders.js: returned a promise that can never settle")
}

func TestTimersAndPromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := world{where: here}.orders(t, body(`
		const order = [];
		setTimeout(() => order.push('late'), 3600000);
		const cleared = setTimeout(() => order.push('cleared'), 1);
		clearTimeout(cleared);
		setTimeout((...a) => order.push('20' + a), 20, 'x', 'y');
		setTimeout(() => order.push('10'), 10);
		setImmediate(a => order.push('immediate' + a), 1);
		Promise.resolve().then(() => order.push('micro'));
		order.push('sync');
		let n = 0;
		await new Promise(resolve => {
			const id = setInterval(() => { order.push('tick'); if (++n == 3) { clearInterval(id); setTimeout(resolve, 50); } }, 100);
		});
		return {order: order.join()};`))
		got, err := tr.Apply(t.Context(), call())
		wantEntity(t, got, err, value.Field{Name: "order", Value: "sync,micro,immediate1,10,20x,y,tick,tick,tick"})
	})
}

func TestTimerErrorsFailTheCall(t *testing.T) {
	_, err := apply(t, body("await new Promise(r => setTimeout(() => {\nthrow new Error('late') }));"))
	wantError(t, err, "orders.js:3: Error: late")
	_, err = apply(t, body("setTimeout('code');"))
	wantError(t, err, "orders.js:2: TypeError: the first argument of a timer must be a function")
}

func TestCallersContextEndsACall(t *testing.T) {
	for name, lines := range map[string]string{
		"running": "context.mqtt.publish('started', ''); while (true) {}",
		"waiting": "await context.mqtt.publish('started', ''); await new Promise(r => setTimeout(r, 1e6));",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tr := world{publisher: publishFunc(func(context.Context, string, []byte, byte, bool) error {
				cancel()
				return nil
			})}.orders(t, body(lines))
			if _, err := tr.Apply(ctx, call()); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		})
	}
}

func TestDeepRecursionIsAnError(t *testing.T) {
	for name, lines := range map[string]string{
		"function": "const f = () => 1 + f();\nf();",
		"toString": "const o = {toString() { return '' + o; }};\nreturn {a: '' + o};",
		"sort":     "const f = () => [2, 1].sort(f);\nf();",
		"caught":   "const f = () => { try { f() } catch (e) { f() } };\nf();",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apply(t, body(lines))
			wantError(t, err, "transform orders: orders.js:", "recursion is too deep")
		})
	}
}

func TestAScriptThatEatsMemoryIsStopped(t *testing.T) {
	tr := world{config: Config{MemoryLimit: 64 << 20, TimeLimit: time.Minute}}.orders(t,
		body("const all = []; while (true) all.push({n: all.length, s: 'x'.repeat(100)});"))
	_, err := tr.Apply(t.Context(), call())
	wantError(t, err, "orders.js: took more than 64 MiB of memory")
}

func TestGarbageDoesNotAccumulate(t *testing.T) {
	tr := world{config: Config{MemoryLimit: 256 << 20, TimeLimit: time.Minute}}.orders(t,
		body("let n = 0; for (let i = 0; i < 1000; i++) n += Buffer.alloc(1e6).length; return {n};"))
	got, err := tr.Apply(t.Context(), call())
	wantEntity(t, got, err, value.Field{Name: "n", Value: int64(1e9)})
}

func TestInputTooLargeAtOnceIsRefused(t *testing.T) {
	eachFails(t, "return {n: (%s).length};", map[string]string{
		"'x'.repeat(2 ** 30)":               "too much memory",
		"'x'.repeat('9999999999')":          "too much memory",
		"'x'.padEnd(2 ** 40)":               "too much memory",
		"''.padStart(2 ** 40)":              "too much memory",
		"new Array(2 ** 32)":                "Invalid array length",
		"new Array(2 ** 30).fill(0)":        "too much memory",
		"Array.from({length: 2 ** 30})":     "too much memory",
		"new Array(2 ** 30).join()":         "too much memory",
		"String(new Array(2 ** 30))":        "too much memory",
		"new ArrayBuffer(2 ** 40)":          "too much memory",
		"new Uint8Array(2 ** 40)":           "too much memory",
		"new Float64Array(2 ** 28)":         "too much memory",
		"Buffer.alloc(2 ** 40)":             "too much memory",
		"Buffer.from({length: 2 ** 40})":    "too much memory",
		"JSON.parse('['.repeat(1e5))":       "nested too deep",
		"JSON.parse('{\"a\":'.repeat(1e5))": "nested too deep",
	}, "orders.js:2: RangeError: ")
}

func TestSmallEnoughInputWorksAsBefore(t *testing.T) {
	got, err := apply(t, body(`return {
		a: 'ab'.repeat(2) + 'x'.padStart(2, '-') + 'x'.padEnd(2),
		b: new Array(2).fill(0).join() + Array.from('xy', c => c + c) + Array.from(new Set([1])),
		c: new Uint8Array([1, 2]).constructor === Uint8Array,
		d: new Uint8Array(2) instanceof Uint8Array && Buffer.alloc(1) instanceof Uint8Array,
		e: new Uint8Array(new ArrayBuffer(4), 1).length,
		f: JSON.parse('{"a": "[[[\\""}').a + JSON.parse('[1]', (k, v) => v),
		h: Uint8Array.from([1]).length + Uint8Array.BYTES_PER_ELEMENT + Uint8Array.name,
		g: new (class Own extends Uint8Array {})(3).length,
	};`))
	wantEntity(t, got, err,
		value.Field{Name: "a", Value: "abab-xx "},
		value.Field{Name: "b", Value: "0,0xx,yy1"},
		value.Field{Name: "c", Value: true},
		value.Field{Name: "d", Value: true},
		value.Field{Name: "e", Value: int64(3)},
		value.Field{Name: "f", Value: `[[["1`},
		value.Field{Name: "h", Value: "2Uint8Array"},
		value.Field{Name: "g", Value: int64(3)})
}

func TestPanicDuringACallIsAnError(t *testing.T) {
	tr := world{where: here}.orders(t, body("return context.entity;"))
	s := tr.engine("orders")
	err := s.run(t.Context(), "orders", func(context.Context, *machine) error { panic("bug") })
	wantError(t, err, "orders.js: bug")
	if _, err := tr.Apply(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
}

func TestCallAfterAStoppedOneFindsAFreshRuntime(t *testing.T) {
	c := soon
	c.Runtimes = 1
	tr := world{config: c}.orders(t, `let calls = 0;
		module.exports = context => { calls++; if (context.entity.loop) while (true) {} return {calls}; };`)
	for _, want := range []int64{1, 2} {
		got, err := tr.Apply(t.Context(), call())
		wantEntity(t, got, err, value.Field{Name: "calls", Value: want})
	}
	_, err := tr.Apply(t.Context(), call(value.Field{Name: "loop", Value: true}))
	wantError(t, err, "ran longer")
	got, err := tr.Apply(t.Context(), call())
	wantEntity(t, got, err, value.Field{Name: "calls", Value: int64(1)})
}

func TestThrownErrorNamesFileAndLine(t *testing.T) {
	for lines, want := range map[string]string{
		"throw new Error('boom');":                      "orders.js:2: Error: boom",
		"\n\nnull.x;":                                   "orders.js:4: TypeError:",
		"undefinedName;":                                "orders.js:2: ReferenceError:",
		"JSON.parse('{');":                              "orders.js:2: SyntaxError:",
		"throw new Error('x'.repeat(5000));":            "orders.js:2: Error: xxx",
		"return Promise.reject(new Error('rejected'));": "orders.js:2: Error: rejected",
		"return (async () => {await null;\nthrow new RangeError('later')})();": "orders.js:3: RangeError: later",
		"throw 'text';":                   "text",
		"throw null;":                     "null",
		"throw {a: 1};":                   "[object Object]",
		"throw {toString() { throw 1 }};": "threw a value that cannot be shown",
	} {
		for kind, script := range map[string]string{
			"async": body(lines),
			"plain": strings.Replace(body(lines), "async function", "function", 1),
		} {
			t.Run(kind+" "+lines, func(t *testing.T) {
				_, err := apply(t, script)
				wantError(t, err, "transform orders: orders.js", want)
				if n := len(err.Error()); n > maxText+len("transform orders: ") || strings.Contains(err.Error(), ".go") {
					t.Fatalf("%d bytes: %s", n, err)
				}
			})
		}
	}
}
