//go:build unix

package transform

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// eating takes more memory at once than this package's limits can catch in time.
const eating = `const all = []; for (let i = 0; i < 40; i++) all.push(new Uint8Array(2e8));`

// endless is a regular expression that backtracks forever; no interrupt stops it.
const endless = `/^(a+)+\1$/.test('a'.repeat(60) + 'b');`

// rows returns a call for each id.
func rows(ids ...string) []Call {
	calls := make([]Call, len(ids))
	for i, id := range ids {
		calls[i] = call(value.Field{Name: "id", Value: id})
		calls[i].ID = id
	}
	return calls
}

// pid returns which process runs the scripts of orders.
func pid(tr *Transformers) int {
	c := tr.loaded.Load().runner.(*processes).cell(script{file: "orders.js"})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.cmd.Process.Pid
}

// still stops the clock that decides when a row that ends its process is retried, however busy the machine is.
func still(tr *Transformers) {
	now := time.Now()
	tr.loaded.Load().runner.(*processes).now = func() time.Time { return now }
}

func TestAScriptThatEndsItsProcessCostsOnlyItsRow(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	var tr *Transformers
	tr = world{where: apart, log: zap.New(core), config: Config{TimeLimit: time.Minute}, querier: queryFunc(func(context.Context, string) ([]value.Entity, error) {
		return nil, syscall.Kill(pid(tr), syscall.SIGKILL) // like the kernel when memory is short
	})}.orders(t, `
		let calls = 0;
		module.exports = async ({entity, id, mysql}) => {
			calls++;
			if (id === 'dies') await mysql.query('die').then(() => new Promise(() => setTimeout(() => 0, 1e6)));
			return {id, calls};
		};
		module.exports.onDelete = async ({id, mysql}) => {
			if (id === 'dies') await mysql.query('die').then(() => new Promise(() => setTimeout(() => 0, 1e6)));
			return 'x' + id;
		};`)
	still(tr)
	calls := rows("1", "2", "dies", "3", "dies", "4")
	calls[5].Entity = nil
	results := tr.ApplyAll(t.Context(), "orders", calls)
	for i, want := range []string{"1", "2", "", "3", ""} {
		if got, _ := results[i].Entity.Value("id"); want != "" && (got != want || results[i].Err != nil) {
			t.Errorf("row %s is %v (%v)", want, results[i].Entity, results[i].Err)
		}
	}
	if results[5].ID != "x4" || results[5].Err != nil {
		t.Errorf("the delete is %+v", results[5])
	}
	for _, i := range []int{2, 4} {
		wantError(t, results[i].Err, "transform orders: orders.js: ended its process: signal: killed")
	}
	if n := logs.FilterMessage("a transformer ended its process; restarting it").Len(); n != 1 {
		t.Errorf("it was told %d times", n) // the second is the same row
	}
	calls = rows("dies")
	calls[0].Entity = nil
	wantError(t, tr.ApplyAll(t.Context(), "orders", calls)[0].Err, "transform delete in orders: orders.js: ended its process: ")
	// Whatever comes next finds a process.
	got, err := tr.Apply(t.Context(), rows("5")[0])
	wantEntity(t, got, err, value.Field{Name: "id", Value: "5"}, value.Field{Name: "calls", Value: int64(1)})
}

func TestAScriptThatEatsMemoryFastCostsOnlyItsRow(t *testing.T) {
	tr := world{where: apart, config: Config{TimeLimit: time.Minute}}.orders(t, `module.exports = ({id}) => { if (id === 'eats') { `+eating+` } return {id}; }`)
	results := tr.ApplyAll(t.Context(), "orders", rows("1", "eats", "2"))
	wantError(t, results[1].Err, "transform orders: orders.js: ")
	if results[0].Err != nil || results[2].Err != nil {
		t.Error(results)
	}
}

func TestFunctionThatCannotBeInterruptedIsEnded(t *testing.T) {
	tr := world{where: apart, config: soon}.orders(t, `module.exports = ({id}) => { if (id === 'endless') { `+endless+` } return {id}; }`)
	results := tr.ApplyAll(t.Context(), "orders", rows("1", "endless", "2"))
	wantError(t, results[1].Err, "orders.js: ran longer than 500ms, and could not be interrupted")
	for _, i := range []int{0, 2} {
		if results[i].Err != nil {
			t.Error(results[i].Err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group errgroup.Group
	group.Go(func() error { cancel(); return nil })
	other := rows("endless")
	other[0].Target = "elsewhere" // rows that ended the process before would not be tried again
	if err := tr.ApplyAll(ctx, "orders", other)[0].Err; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_ = group.Wait()
}

// A process has only one file: another file's is neither held up nor ended.
func TestFilesDoNotHoldUpEachOther(t *testing.T) {
	inside, leave := make(chan struct{}, 1), make(chan struct{})
	tr := New(zap.NewNop(), queryFunc(func(context.Context, string) ([]value.Entity, error) {
		inside <- struct{}{}
		<-leave
		return nil, nil
	}), nil, Config{TimeLimit: time.Minute, Runtimes: 1, Directory: directory(t, map[string]string{
		"orders.js": "module.exports = async ({entity, id, mysql}) => { if (id === 'eats') { " + eating + " } await mysql.query('wait'); return entity; }",
		"items.js":  "let n = 0; module.exports = ({entity}) => ({n: ++n});",
	})})
	t.Cleanup(tr.Close)
	if err := tr.Load([]string{"orders", "items"}); err != nil {
		t.Fatal(err)
	}
	item := call()
	item.Table = "items"
	got, err := tr.Apply(t.Context(), item)
	wantEntity(t, got, err, value.Field{Name: "n", Value: int64(1)})
	_, err = tr.Apply(t.Context(), rows("eats")[0])
	wantError(t, err, "orders.js: ")
	var group errgroup.Group
	group.Go(func() error {
		_, err := tr.Apply(context.Background(), rows("1")[0])
		return err
	})
	<-inside // orders has no runtime left
	got, err = tr.Apply(t.Context(), item)
	wantEntity(t, got, err, value.Field{Name: "n", Value: int64(2)})
	close(leave)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatEndsTheProcessOnLoadIsNamed(t *testing.T) {
	tr := New(zap.NewNop(), nil, nil, Config{Directory: directory(t, map[string]string{
		"a.js": body("return null;"), "b.js": eating, "c.js": "\n}",
	})})
	t.Cleanup(tr.Close)
	err := tr.Load([]string{"a", "b", "c"})
	wantError(t, err, "load transformer: b.js: ", "load transformer: c.js:3: SyntaxError")
}

// Results come in the order of the calls, whatever some of them contain.
func TestManyRowsAreSentAtOnce(t *testing.T) {
	tr := world{where: apart, querier: queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
		if strings.HasSuffix(sql, "'13'") {
			return nil, errServer
		}
		return []value.Entity{{{Name: "sql", Value: sql}}}, nil
	})}.orders(t, `let calls = 0; module.exports = async ({id, entity, mysql}) => {
		calls++;
		if (id % 10 === 0) return null;
		if (id % 10 === 1) throw new Error('no ' + id);
		if (id % 10 === 3) entity.sql = (await mysql.query('?', id))[0].sql;
		return {...entity, calls};
	}`)
	calls := make([]Call, 3*partTasks+5)
	for i := range calls {
		calls[i] = call(value.Field{Name: "id", Value: int64(i)}, value.Field{Name: "b", Value: bytes.Repeat([]byte{byte(i)}, i%5*1000)})
		calls[i].ID = strconv.Itoa(i)
	}
	for i, r := range tr.ApplyAll(t.Context(), "orders", calls) {
		switch {
		case i%10 == 0:
			if !errors.Is(r.Err, ErrDropped) {
				t.Fatal(i, r)
			}
		case i%10 == 1:
			wantError(t, r.Err, fmt.Sprintf("orders.js:4: Error: no %d", i))
		case i == 13:
			if !errors.Is(r.Err, errServer) {
				t.Fatal(i, r)
			}
		case r.Err != nil:
			t.Fatal(i, r)
		default:
			n, _ := r.Entity.Value("calls")
			b, _ := r.Entity.Value("b")
			if n != int64(i+1) || !bytes.Equal(b.([]byte), calls[i].Entity[1].Value.([]byte)) {
				t.Fatal(i, r)
			}
		}
	}
}

// What a failing call leaves behind ends with it, not with the rows after it.
func TestFailedCallLeavesNoQueries(t *testing.T) {
	var held atomic.Int64
	tr := world{where: apart, querier: queryFunc(func(ctx context.Context, sql string) ([]value.Entity, error) {
		if sql == "last" { // it waits for the others, and fails if they do not end before it must
			for held.Load() > 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			return nil, ctx.Err()
		}
		held.Add(1)
		defer held.Add(-1)
		<-ctx.Done()
		return nil, ctx.Err()
	})}.orders(t, `module.exports = ({id, entity, mysql}) => {
		if (id === 'last') return mysql.query('last').then(() => entity);
		for (let i = 0; i < 3; i++) mysql.query('hold').catch(() => 0);
		throw new Error('no');
	};`)
	results := tr.ApplyAll(t.Context(), "orders", rows("1", "2", "3", "last"))
	if n := held.Load(); n != 0 || results[3].Err != nil {
		t.Errorf("%d queries are left (%v)", n, results[3].Err)
	}
}

// The node has few sessions for scripts: those of other files must not wait for them.
func TestFileLeavesSessionsToOthers(t *testing.T) {
	var mu sync.Mutex
	held, most := 0, 0
	tr := world{where: apart, querier: queryFunc(func(context.Context, string) ([]value.Entity, error) {
		mu.Lock()
		held++
		most = max(most, held)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		held--
		mu.Unlock()
		return []value.Entity{{}}, nil
	})}.orders(t, `module.exports = async ({mysql}) => {
		const all = [];
		for (let i = 0; i < 100; i++) all.push(mysql.query('SELECT 1'));
		return {n: (await Promise.all(all)).length};
	};`)
	got, err := tr.Apply(t.Context(), rows("1")[0])
	wantEntity(t, got, err, value.Field{Name: "n", Value: int64(100)})
	if most > mostQueries {
		t.Errorf("%d queries ran at once", most)
	}
}

func TestCallOutputIsBounded(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	tr := world{where: apart, log: zap.New(core), config: Config{TimeLimit: time.Minute}}.orders(t, `module.exports = ({id}) => {
		if (id === 'rejects') for (let i = 0; i < 3000; i++) Promise.reject(new Error('no'));
		for (let i = 0; i < (id === 'talks' ? 3000 : 1); i++) console.log(id);
		return {id};
	}`)
	tr.ApplyAll(t.Context(), "orders", rows("talks", "1", "2"))
	says := logs.FilterMessage("transformer says")
	if n := says.FilterField(zap.String("text", "talks")).Len(); n != 1000 {
		t.Errorf("it logs %d lines", n)
	}
	if says.Len() != 1002 {
		t.Error("the other rows log nothing")
	}
	if n := logs.FilterMessage("a transformer logged too much in one call; the rest is dropped").Len(); n != 1 {
		t.Errorf("dropped lines are reported %d times", n)
	}
	tr.ApplyAll(t.Context(), "orders", rows("rejects"))
	if n := logs.FilterMessage("transformer left a rejected promise").Len(); n != 999 {
		t.Errorf("it leaves %d rejected promises", n)
	}
}

func TestProcessEndsWithTheTransformers(t *testing.T) {
	tr := world{where: apart}.orders(t, body("return {pid: 1};"))
	if _, err := tr.Apply(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
	p := tr.loaded.Load().runner.(*processes).cell(script{file: "orders.js"}).process
	if pid(tr) == 0 || pid(tr) == os.Getpid() {
		t.Fatal("it has no process of its own")
	}
	tr.Close()
	<-p.over
	if pid(tr) != 0 {
		t.Error("there is still a process")
	}
	// A call that began before still finds one, which ends with it.
	if _, err := tr.Apply(t.Context(), call()); err != nil || pid(tr) != 0 {
		t.Error(err, pid(tr))
	}
}

// What the process says is not trusted.
func FuzzProcessOutput(f *testing.F) {
	row, _ := appendResult([]byte{1}, &Result{ID: "7", Entity: value.Entity{{Name: "a", Value: "b"}, {Name: "t", Value: time.Unix(1, 2)}}})
	failed, _ := appendResult([]byte{1}, &Result{Err: &scriptError{where: "orders.js:1", text: "no"}})
	for _, payload := range [][]byte{row, failed, {1}, {}, {1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f}, {0, 3, 'a', 'b', 'c', 1, 1, 'k', 1, 'v'}} {
		for kind := frameReady; kind <= frameLog; kind++ {
			f.Add(byte(kind), payload)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, payload []byte) {
		r := &run{whole: t.Context(), ctx: t.Context(), cancel: func() {}, file: "orders.js", tasks: make([]task, 2), results: make([]Result, 2), room: 1 << 20, moved: make(chan struct{}, 1), full: make(chan struct{}), ended: make(chan struct{}), errors: map[uint64]error{}}
		owner := &processes{log: zap.NewNop(), querier: refusing{}, publisher: refusing{}}
		var sent bytes.Buffer
		c := &process{owner: owner, busy: make(chan struct{}, mostQueries), out: newFrames(&sent), ready: make(chan struct{}), runs: map[uint64]*run{1: r}, checked: make(chan checked, 1)}
		frame := append([]byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), 0, kind}, payload...)
		got, d, err := receive(bufio.NewReader(bytes.NewReader(frame)))
		if err != nil || byte(got) != kind {
			t.Fatal(got, err)
		}
		_ = c.hear(got, d)
		r.asking.Wait()
		if r.done > len(r.results) {
			t.Fatal("more results than tasks")
		}
	})
}

// cpu is the processor time of this process and its children, in ns.
func cpu() (sum int64) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		_ = syscall.Getrusage(who, &u) // cannot fail
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return sum
}

// BenchmarkApplyAll compares a batch of rows in this process and in one of their own; the
// processor time is that of both.
func BenchmarkApplyAll(b *testing.B) {
	for name, where := range map[string]where{"here": here, "apart": apart} {
		b.Run(name, func(b *testing.B) {
			tr := world{where: where}.orders(b, "module.exports = function (context) { return context.entity; };")
			calls := rows(slices.Repeat([]string{"2055d5d7-21e9-410b-954e-bb65772d9c6e"}, 500)...)
			for i := range calls {
				calls[i].Entity = append(calls[i].Entity, value.Field{Name: "name", Value: "Some name"}, value.Field{Name: "price", Value: "12.50"},
					value.Field{Name: "count", Value: int64(3)}, value.Field{Name: "note", Value: nil})
			}
			begun := cpu()
			for b.Loop() {
				for _, r := range tr.ApplyAll(b.Context(), "orders", calls) {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(calls)), "ns/row")
			tr.Close() // a child's time counts only when it has ended
			b.ReportMetric(float64(cpu()-begun)/float64(b.N*len(calls)), "cpu-ns/row")
		})
	}
}
