package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "demo-")
	if err != nil {
		panic(err)
	}
	folder = dir
	code := testkit.Main(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// folder is the process's own.
var folder string

// built is the program, built once.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(folder, "demo")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the demonstration: %w\n%s", err, said)
	}
	return path, nil
})

func TestDemoEndsEqualAndCleansUp(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	said, err := d.cmd.Output()
	if err != nil {
		t.Fatalf("run the demonstration: %v\n%s%s", err, said, d.stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	last := lines[max(0, len(lines)-4):]
	for i, want := range []string{
		`^berlin: 404 rows, 0 pending, losing edits kept in sync_conflicts: [01]$`,
		`^boston: 404 rows, 0 pending, losing edits kept in sync_conflicts: [01]$`,
		`^latency while connected: median \d+ ms, longest \d+ ms`,
		`^equal: yes$`,
	} {
		if i >= len(last) || !regexp.MustCompile(want).MatchString(last[i]) {
			t.Errorf("the last lines are\n%s\nline %d does not match %s", strings.Join(last, "\n"), i+1, want)
		}
	}
	// Whether the two edits meet at one site or at both depends on which is faster.
	if !strings.Contains(strings.Join(last, "\n"), "sync_conflicts: 1") {
		t.Errorf("no site kept the losing edit:\n%s", strings.Join(last, "\n"))
	}
	if bytes.ContainsRune(said, '\x1b') {
		t.Error("control codes in output that does not go to a terminal")
	}
	if !slices.ContainsFunc(lines, regexp.MustCompile(`boston receives  berlin-1   lamp +15\.00 USD`).MatchString) {
		t.Errorf("no line shows the converted price:\n%s", said)
	}
	if !slices.ContainsFunc(lines, regexp.MustCompile(`pending in sync_status: 202 rows at berlin, 203 rows at boston`).MatchString) {
		t.Errorf("no line shows all that is pending while the link is cut:\n%s", said)
	}
	d.leftNothing()
}

func TestConnectorDemoEndsEqualAndCleansUp(t *testing.T) {
	t.Parallel()
	d := newDemo(t, "connector")
	said, err := d.cmd.Output()
	if err != nil {
		t.Fatalf("run the demonstration: %v\n%s%s", err, said, d.stderr.String())
	}
	for _, want := range []string{
		`(?m)the service has 0 rows and got 0 requests that write$`,
		`(?m)the service has 2000 rows, sent in 40 requests$`,
		`(?m)"read": 2000, "sent": 4, "deleted": 1, "unchanged": 1996`,
		`(?m)killed with kill -9 when \d+ of 1000 changes had arrived$`,
		`(?m)all changes have arrived: 1000;`,
		`(?m)^table: 2000 rows; service: 2000, of them 2000 with a key of their own\nequal: yes\n\z`,
	} {
		if !regexp.MustCompile(want).Match(said) {
			t.Errorf("nothing matches %s:\n%s", want, said)
		}
	}
	d.leftNothing()
}

func TestFleetDemoEndsEqualAndCleansUp(t *testing.T) {
	t.Parallel()
	d := newDemo(t, "fleet")
	said, err := d.cmd.Output()
	if err != nil {
		t.Fatalf("run the demonstration: %v\n%s%s", err, said, d.stderr.String())
	}
	for _, want := range []string{
		`(?m)store-6 has 500 products, 200 orders and 400 order items$`,
		`(?m)the sale of store-3 is given to store-5: after \d+ ms it is there with its item, and no longer at store-3$`,
		`(?m)store-7 +offline .* 51 `,
		`(?m)everywhere, the warehouse has 90 left$`,
		`(?m)store-8 has 500 products, 200 orders and 400 order items$`,
		`(?m)the head office has all that store-7 sold, and store-7 the new prices$`,
		`(?m)^head office: 1701 orders of 8 stores; each store: 500 products and its own orders\nequal: yes\n\z`,
	} {
		if !regexp.MustCompile(want).Match(said) {
			t.Errorf("nothing matches %s:\n%s", want, said)
		}
	}
	d.leftNothing()
}

func TestInterruptedDemoCleansUp(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for said.Scan() && !strings.Contains(said.Text(), "boston receives") {
	}
	if said.Err() != nil || !strings.Contains(said.Text(), "boston receives") {
		t.Fatalf("the demonstration did not start to replicate: %v", said.Err())
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = d.cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("after an interrupt: %v, want exit code 1", err)
	}
	if !strings.Contains(d.stderr.String(), "interrupted") {
		t.Errorf("standard error: %q", d.stderr.String())
	}
	d.leftNothing()
}

// demo is the program, with its own temporary folder to inspect later.
type demo struct {
	t      *testing.T
	cmd    *exec.Cmd
	temp   string
	stderr bytes.Buffer
}

func newDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	dir := t.TempDir()
	d := &demo{t: t, temp: filepath.Join(dir, "tmp")}
	if err := os.Mkdir(d.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(path, args...)
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.temp)
	d.cmd.Stderr = &d.stderr
	return d
}

// leftNothing checks that no process still uses the temporary folder, where all servers keep their
// data, and that it is empty.
func (d *demo) leftNothing() {
	d.t.Helper()
	left, err := os.ReadDir(d.temp)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range left {
		d.t.Errorf("left behind: %s", f.Name())
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, path := range commands {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(d.temp)) { // otherwise it has just ended
			d.t.Errorf("still running: %s", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
	}
}
