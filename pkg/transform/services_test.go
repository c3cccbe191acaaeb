package transform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

var errServer = errors.New("Error 1054 (42S22): Unknown column")

func TestQueryResolvesPlainRows(t *testing.T) {
	tr := world{querier: queryFunc(func(context.Context, string) ([]value.Entity, error) {
		return []value.Entity{
			{{Name: "n", Value: int64(1)}, {Name: "big", Value: int64(1 << 60)}, {Name: "b", Value: []byte("b")}, {Name: "d", Value: "2024-01-01"}},
			{{Name: "n", Value: nil}},
		}, nil
	})}.orders(t, body(`
		const rows = await context.database.query('SELECT 1');
		return {all: JSON.stringify(rows), array: Array.isArray(rows), buffer: rows[0].b instanceof Buffer, kind: typeof rows[0].big};`))
	got, err := tr.Apply(t.Context(), call())
	wantEntity(t, got, err,
		value.Field{Name: "all", Value: `[{"n":1,"big":"1152921504606846976","b":{"0":98},"d":"2024-01-01"},{"n":null}]`},
		value.Field{Name: "array", Value: true},
		value.Field{Name: "buffer", Value: true},
		value.Field{Name: "kind", Value: "string"})
}

func TestStatementWithoutRowsResolvesAnEmptyArray(t *testing.T) {
	tr := world{querier: queryFunc(func(context.Context, string) ([]value.Entity, error) { return nil, nil })}.orders(t,
		body("return {n: (await context.mysql.query('UPDATE t SET a = ?', 1)).length};"))
	got, err := tr.Apply(t.Context(), call())
	wantEntity(t, got, err, value.Field{Name: "n", Value: int64(0)})
}

func TestUncaughtQueryErrorsFailTheCall(t *testing.T) {
	failing := world{querier: queryFunc(func(context.Context, string) ([]value.Entity, error) { return nil, errServer })}
	_, err := failing.orders(t, body("\nawait context.mysql.query('SELECT x');")).Apply(t.Context(), call())
	wantError(t, err, "transform orders: orders.js:3: Error: "+errServer.Error())
	if !errors.Is(err, errServer) {
		t.Fatal("the server's error is not wrapped")
	}
	got, err := failing.orders(t, body(`
		try { await context.mysql.query('SELECT x'); } catch (e) { return {e: e.message, is: e instanceof Error}; }`)).Apply(t.Context(), call())
	wantEntity(t, got, err, value.Field{Name: "e", Value: errServer.Error()}, value.Field{Name: "is", Value: true})
	_, err = failing.orders(t, body("await context.mysql.query(5);")).Apply(t.Context(), call())
	wantError(t, err, "orders.js:2: TypeError: query: the first argument must be a string")
}

// TestAnUnavailableServiceIsNotTheScriptsFault, whether or not it turns that into its own error; what it catches is its business.
func TestAnUnavailableServiceIsNotTheScriptsFault(t *testing.T) {
	both(t, func(t *testing.T, at where) {
		w := world{where: at, querier: queryFunc(func(context.Context, string) ([]value.Entity, error) { return nil, Later(errServer) }),
			publisher: publishFunc(func(context.Context, string, []byte, byte, bool) error { return Later(errServer) })}
		for script, later := range map[string]bool{
			"await c.mysql.query('SELECT 1'); return c.entity":                                          true,
			"await c.mqtt.publish('a', 'b'); return c.entity":                                           true,
			"await c.mysql.query('SELECT 1').catch(() => { throw new Error('mine') }); return c.entity": false,
		} {
			tr := w.orders(t, "module.exports = async c => { "+script+" }; module.exports.onDelete = module.exports")
			calls := rows("1", "2")
			calls[1].Entity = nil
			for _, r := range tr.ApplyAll(t.Context(), "orders", calls) {
				if r.Err == nil || Transient(r.Err) != later || later != errors.Is(r.Err, errServer) {
					t.Errorf("%s: %v", script, r.Err)
				}
			}
			if s := tr.Stats()[0]; (s.Errors == 0) != later {
				t.Errorf("%s: %+v", script, s)
			}
		}
	})
}

func TestQueriesOfACallRunAtTheSameTime(t *testing.T) {
	var together sync.WaitGroup
	together.Add(3)
	tr := world{querier: queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
		together.Done()
		together.Wait()
		return []value.Entity{{{Name: "sql", Value: sql}}}, nil
	})}.orders(t, body(`
		const all = await Promise.all(['a', 'b', 'c'].map(s => context.mysql.query(s)));
		return {all: all.map(rows => rows[0].sql).join()};`))
	got, err := tr.Apply(t.Context(), call())
	wantEntity(t, got, err, value.Field{Name: "all", Value: "a,b,c"})
}

func TestPublishSendsStringsAndBuffers(t *testing.T) {
	var sent []string
	tr := world{publisher: publishFunc(func(_ context.Context, topic string, message []byte, qos byte, retain bool) error {
		sent = append(sent, fmt.Sprintf("%s %q %d %t", topic, message, qos, retain))
		return nil
	})}.orders(t, body(`
		const packets = [
			await context.mqtt.publish('a/b', 'größe'),
			await context.mqtt.publish('/c', Buffer.from([0, 255]), {qos: 1, retain: true, dup: true}),
			await context.mqtt.publish('d', '', {qos: 2}),
		];
		return {packets: JSON.stringify(packets)};`))
	got, err := tr.Apply(t.Context(), call())
	wantEntity(t, got, err, value.Field{Name: "packets",
		Value: `[{"cmd":"publish","length":12},{"cmd":"publish","messageId":1,"length":8},{"cmd":"publish","messageId":2,"length":5}]`})
	if want := []string{`a/b "größe" 0 false`, `/c "\x00\xff" 1 true`, `d "" 2 false`}; !slices.Equal(sent, want) {
		t.Fatalf("sent %q", sent)
	}
}

func TestWrongArgumentsOfPublishAreErrors(t *testing.T) {
	for arguments, want := range map[string]string{
		"":                         "the topic must be",
		"'', 'x'":                  "the topic must be",
		"'a/+', 'x'":               "the topic must be",
		"'a/#', 'x'":               "the topic must be",
		"5, 'x'":                   "the topic must be",
		"'a'":                      "the message must be",
		"'a', {}":                  "the message must be",
		"'a', 5":                   "the message must be",
		"'a', 'x', {qos: 3}":       "qos must be",
		"'a', 'x', {qos: 0.5}":     "qos must be",
		"'a', 'x', {qos: 'first'}": "qos must be",
	} {
		_, err := apply(t, body("await context.mqtt.publish("+arguments+");"))
		wantError(t, err, "orders.js:2: TypeError: publish: "+want)
	}
}

func TestCallsEndAfterUnawaitedWork(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	var sent []string
	tr := world{log: zap.New(core), publisher: publishFunc(func(_ context.Context, topic string, _ []byte, _ byte, _ bool) error {
		sent = append(sent, topic)
		if topic == "b" {
			return errServer
		}
		return nil
	})}.orders(t, body("context.mqtt.publish('a', '').then(() => context.mqtt.publish('b', ''));\nreturn context.entity;"))
	if _, err := tr.Apply(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sent, []string{"a", "b"}) {
		t.Fatal(sent)
	}
	all := logs.FilterMessage("transformer left a rejected promise").All()
	if len(all) != 1 || !strings.Contains(fmt.Sprint(all[0].ContextMap()), errServer.Error()) {
		t.Fatal(logs.All())
	}
}

func TestScriptCannotReplaceWhatLaterCallsUse(t *testing.T) {
	tr := world{config: Config{Runtimes: 1}, publisher: publishFunc(func(context.Context, string, []byte, byte, bool) error { return nil })}.orders(t,
		body("context.mqtt.publish = null; return {kind: typeof context.mqtt.publish};"))
	for range 2 {
		got, err := tr.Apply(t.Context(), call())
		wantEntity(t, got, err, value.Field{Name: "kind", Value: "function"})
	}
}

func TestConsoleWritesToTheLog(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	tr := world{log: zap.New(core)}.orders(t, body(`
		console.debug('d');
		console.log('%s is %d', 'a', 5, {b: [1]}, [2]);
		console.info({toJSON() { throw 1 }});
		console.warn(new Error('e'), null, undefined);
		console.error('x'.repeat(5000));
		console.log();
		return context.entity;`))
	if _, err := tr.Apply(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
	want := []string{"debug d", "info a is 5 {\"b\":[1]} [2]", "info [object Object]", "warn Error: e null undefined",
		"error " + strings.Repeat("x", maxText-3) + "…", "info "}
	var got []string
	for _, entry := range logs.All() {
		fields := entry.ContextMap()
		if entry.LoggerName != "transform" || fields["file"] != "orders.js" || fields["table"] != "orders" {
			t.Fatal(entry)
		}
		got = append(got, fmt.Sprint(entry.Level, " ", fields["text"]))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
}

func TestConcurrentCallsDoNotMix(t *testing.T) {
	tr := world{config: Config{Runtimes: 3}, querier: queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
		return []value.Entity{{{Name: "sql", Value: sql}}}, nil
	})}.orders(t, body("const [row] = await context.mysql.query('?', context.entity.n); return {n: row.sql};"))
	var group errgroup.Group
	for n := range 50 {
		group.Go(func() error {
			got, err := tr.Apply(context.Background(), call(value.Field{Name: "n", Value: int64(n)}))
			if v, _ := got.Value("n"); err == nil && v != fmt.Sprint(n) {
				return fmt.Errorf("%d gives %v", n, v)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestCallWaitsForARuntimeNoLongerThanItsContext(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	tr := world{config: Config{Runtimes: 1, TimeLimit: time.Minute}, querier: queryFunc(func(context.Context, string) ([]value.Entity, error) {
		close(inside)
		<-leave
		return nil, nil
	})}.orders(t, body("await context.mysql.query(''); return context.entity;"))
	var group errgroup.Group
	group.Go(func() error {
		_, err := tr.Apply(context.Background(), call())
		return err
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Apply(ctx, call()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(leave)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkApply(b *testing.B) {
	fields := []value.Field{
		{Name: "id", Value: "2055d5d7-21e9-410b-954e-bb65772d9c6e"}, {Name: "name", Value: "Some name"},
		{Name: "price", Value: "12.50"}, {Name: "count", Value: int64(3)}, {Name: "note", Value: nil},
	}
	for name, script := range map[string]string{
		"plain": "module.exports = context => { context.entity.count++; return context.entity; }",
		"async": "module.exports = async context => { context.entity.count++; return context.entity; }",
	} {
		b.Run(name, func(b *testing.B) {
			tr := world{}.orders(b, script)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.Apply(b.Context(), call(fields...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
