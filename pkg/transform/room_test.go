//go:build unix

package transform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// both runs a test with scripts in the test's process and in one of their own.
func both(t *testing.T, test func(*testing.T, where)) {
	t.Run("here", func(t *testing.T) { test(t, here) })
	t.Run("apart", func(t *testing.T) { test(t, apart) })
}

func TestARowMadeTooLargeIsAnError(t *testing.T) {
	both(t, func(t *testing.T, at where) {
		tr := world{where: at, config: Config{MaxRow: 5000}}.orders(t, `
			module.exports = ({id, entity}) => id === 'large' ? {id, b: Buffer.alloc(6000)} : entity;
			module.exports.resolve = ({local}) => ({id: local.entity.id, b: 'x'.repeat(6000)});`)
		calls := rows("1", "large", "2", "given")
		calls[3].Entity = append(calls[3].Entity, value.Field{Name: "b", Value: make([]byte, 6000)})
		results := tr.ApplyAll(t.Context(), "orders", calls)
		wantError(t, results[1].Err, "transform orders: orders.js: made a row of 60", " bytes, more than 5000 (maxRowBytes)")
		for _, i := range []int{0, 2, 3} { // the last was as large before
			if results[i].Err != nil || results[i].Entity == nil {
				t.Error(results[i])
			}
		}
		_, err := resolved(t, tr, Conflict{Table: "orders", ID: "1", Local: Side{Entity: calls[0].Entity}})
		wantError(t, err, "(maxRowBytes)")
	})
}

func TestLargeResultsAreCutOff(t *testing.T) {
	both(t, func(t *testing.T, at where) {
		tr := world{where: at, config: Config{MaxRow: 1000}}.orders(t, `
			module.exports = ({id, entity}) => { if (id === '9') throw new Error('no'); return {id, b: 'x'.repeat(900)}; }`)
		var calls []Call
		for i := range 40 {
			calls = append(calls, rows(fmt.Sprint(i))...)
		}
		for at, runs := 0, 0; at < len(calls); runs++ {
			results := tr.ApplyAll(t.Context(), "orders", calls[at:])
			if len(results) == 0 || len(results) > 8 {
				t.Fatalf("%d results", len(results))
			}
			for i, r := range results {
				if got, _ := r.Entity.Value("id"); got != fmt.Sprint(at+i) && (at+i != 9 || r.Err == nil) {
					t.Fatal(at+i, r)
				}
			}
			at += len(results)
		}
		if s := tr.Stats()[0]; s.Calls != 40 || s.Errors != 1 {
			t.Error(s)
		}
	})
}

// As on a node without file descriptors or processes to spare.
func TestWithoutAProcessRowsCanBeRetried(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	tr := world{where: apart, log: zap.New(core)}.orders(t, `module.exports = ({id}) => { if (id === 'ends') { String({toString: String.prototype.at}); } return {id}; }`)
	p := tr.loaded.Load().runner.(*processes)
	program := p.program
	p.program = "/dev/null/none"
	calls := make([]Call, partTasks+1)
	for i := range calls {
		calls[i] = rows("1")[0]
	}
	calls[0] = rows("ends")[0] // ends the process that there is
	for i, r := range tr.ApplyAll(t.Context(), "orders", calls) {
		if !Transient(r.Err) {
			t.Fatal(i, r.Err)
		}
		if got := Told(r.Err); got != "the transformer cannot be run there now; the log there says why" {
			t.Fatal(got)
		}
	}
	if s := tr.Stats()[0]; s.Errors != 0 {
		t.Errorf("the script is blamed: %+v", s)
	}
	if n := logs.FilterMessage("a transformer ended its process; restarting it").Len(); n != 0 {
		t.Error("the script is said to have ended its process")
	}
	p.program = program
	if r := tr.ApplyAll(t.Context(), "orders", rows("1"))[0]; r.Err != nil {
		t.Error(r.Err)
	}
	if err := tr.ApplyAll(t.Context(), "orders", rows("ends"))[0].Err; err == nil || Transient(err) {
		t.Error(err)
	}
}

// TestAReloadWithoutAProcessBlamesNoScript: otherwise people would look for a mistake in the files.
func TestAReloadWithoutAProcessBlamesNoScript(t *testing.T) {
	tr := world{where: apart}.orders(t, `module.exports = ({id}) => ({id})`)
	tr.program = "/dev/null/none"
	err := tr.Reload()
	wantError(t, err, "could not load the transformers, through no fault of theirs: start the scripts' process: ")
	if !Transient(err) || strings.Contains(err.Error(), "orders.js") {
		t.Error(err)
	}
	if _, err := tr.Apply(t.Context(), rows("1")[0]); err != nil {
		t.Errorf("the files that were in use: %v", err)
	}
}

func TestAFailedStartLeavesNoFilesOpen(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	low := before
	low.Cur = 128
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) }()
	var all []*os.File
	fill := func() (n int) {
		for ; ; n++ {
			f, err := os.Open(os.DevNull)
			if errors.Is(err, syscall.EMFILE) {
				return n
			} else if err != nil {
				t.Fatal(err)
			}
			all = append(all, f)
		}
	}
	fill()
	defer func() {
		for _, f := range all {
			_ = f.Close()
		}
	}()
	for _, free := range []int{1, 3, 5} { // no pipe, one, or two
		for _, f := range all[len(all)-free:] {
			_ = f.Close()
		}
		all = all[:len(all)-free]
		_, err := newProcesses("/proc/self/exe", zap.NewNop(), nil, nil, Config{}, &sources{}).start(nil)
		if !Transient(err) {
			t.Fatal(err)
		}
		if n := fill(); n != free {
			t.Errorf("of %d files %d are left", free, n)
		}
	}
}

func TestAnUnresponsiveProcessIsKilled(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &process{owner: &processes{log: zap.NewNop()}, cmd: cmd, in: in, out: newFrames(in), over: make(chan struct{})}
	go c.listen(out, &head{})
	c.tell(frameAnswer, make([]byte, 1<<20), 50*time.Millisecond)
	select {
	case <-c.over:
		wantError(t, c.why, "its process did not listen")
	case <-time.After(10 * time.Second):
		c.kill(nil)
		t.Error("it carries on")
	}
}

// What waits for its turn is in the node's memory, which the script's limit does not bound.
func TestAHugeAllocationCostsOnlyItsRow(t *testing.T) {
	tr := world{where: apart, querier: queryFunc(func(ctx context.Context, _ string) ([]value.Entity, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})}.orders(t, `const text = 'x'.repeat(4e6); module.exports = ({id, mysql}) => {
		if (id === 'asks') for (let i = 0; i < 40; i++) mysql.query(text).catch(() => 0);
		return id === 'asks' ? new Promise(() => setTimeout(() => 0, 1e6)) : {id};
	}`)
	results := tr.ApplyAll(t.Context(), "orders", rows("1", "asks", "2"))
	if results[0].Err != nil || results[2].Err != nil {
		t.Error(results)
	}
	if err := results[1].Err; err == nil || !strings.Contains(err.Error(), "asked for more than") {
		t.Error(err)
	}
}
