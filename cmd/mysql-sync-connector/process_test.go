package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// built is the program, built once.
var built = sync.OnceValues(func() (exe string, err error) {
	err = testkit.Run(func(string, ...any) {}, func(tb testkit.TB) { exe = testkit.Connector(tb) })
	return exe, err
})

// program builds the program, and returns a maker of commands for a bench's configuration.
func (b *bench) program(t *testing.T, more ...string) func() *exec.Cmd {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(b.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() *exec.Cmd { return exec.Command(exe, append([]string{"start", b.file}, more...)...) }
}

// Several at a time: one does the work, the others say why not.
func TestF19R14TwoProcessesWithOneStateFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a SELECT seq, 1 FROM "+series(5000))
	command := b.program(t)
	type result struct {
		out string
		err error
	}
	results := [3]chan result{}
	for i := range results {
		results[i] = make(chan result, 1)
		go func() {
			out, err := command().CombinedOutput()
			results[i] <- result{string(out), err}
		}()
		time.Sleep(10 * time.Millisecond)
	}
	done := 0
	for i := range results {
		r := <-results[i]
		if r.err == nil {
			done++
		}
		t.Logf("%v %.300s", r.err, r.out)
	}
	if done == 0 || len(b.Entries(123)) != 5000 {
		t.Errorf("%d done, %d entries", done, len(b.Entries(123)))
	}
}

// SIGTERM in the middle of a run: it exits soon, with 0, and the next run does the rest.
func TestSIGTERMInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, hang := range []bool{false, true} {
		t.Run(fmt.Sprint(hang), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a SELECT seq, 1 FROM "+series(5000))
			command := b.program(t)
			sends := make(chan bool, 1)
			b.Fail(func(_ http.ResponseWriter, r *http.Request, n int) bool {
				if r.Method == http.MethodPost {
					select {
					case sends <- true:
					default:
					}
					if hang {
						<-r.Context().Done()
						return true
					}
				}
				time.Sleep(100 * time.Millisecond)
				return false
			})
			c := command()
			var out strings.Builder
			c.Stdout, c.Stderr = &out, &out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			select {
			case <-sends:
			case err := <-ended:
				t.Fatalf("it sent nothing: %v %s", err, out.String())
			}
			_ = c.Process.Signal(syscall.SIGTERM)
			hung := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() }) // only a failure takes that long
			if err := <-ended; err != nil {
				t.Errorf("SIGTERM: %v %s", err, out.String())
			}
			hung.Stop()
			b.Fail(nil)
			if out, err := command().CombinedOutput(); err != nil {
				t.Errorf("%v %s", err, out)
			}
			if n, m := len(b.Entries(123)), len(b.byID(t)); n != 5000 || m != 5000 {
				t.Errorf("%d entries, %d ids", n, m)
			}
		})
	}
}

// The memory of a run is bounded, however large a row is.
func TestMemoryOfOneLargeRow(t *testing.T) {
	testkit.Alone(t)
	t.Parallel()
	b := newBench(t, "SELECT id, REPEAT('x', 100000000) AS v FROM a", "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
	testkitExec(t, b, "SET GLOBAL max_allowed_packet = 1073741824")
	c := b.program(t)()
	out, err := c.CombinedOutput()
	u, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	t.Logf("%v %s", err, out)
	if mb := u.Maxrss / 1024; mb > 700 { // the driver joins the server's packets of 16 MB
		t.Errorf("a row of 100 MB takes %d MB", mb)
	}
}

// One run after another is killed at a random moment while the source changes. In the end both sides are equal.
func TestR04KilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	b := newBench(t, "SELECT id, v FROM a", "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a SELECT seq, 1 FROM "+series(12000))
	b.keys["mode"] = "replace"
	command := b.program(t)
	b.Fail(func(_ http.ResponseWriter, _ *http.Request, _ int) bool {
		time.Sleep(20 * time.Millisecond)
		return false
	})
	for i := range 15 {
		c := command()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		testkitExec(t, b, fmt.Sprintf("UPDATE a SET v = v + 1 WHERE id %% 37 = %d", i%37))
		testkitExec(t, b, fmt.Sprintf("INSERT INTO a SELECT seq + %d, 0 FROM ", 100000*(i+1))+series(60))
		time.Sleep(time.Duration(20+(i*7919)%300) * time.Millisecond)
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	for range 2 {
		if out, err := command().CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	n := 0
	if err := b.db.Get(&n, "SELECT COUNT(*) FROM a"); err != nil {
		t.Fatal(err)
	}
	if len(b.Entries(123)) != n || len(b.byID(t)) != n {
		t.Errorf("%d entries with %d keys for %d rows", len(b.Entries(123)), len(b.byID(t)), n)
	}
}
