package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// port is the port of the page's broker; the test uses a free one.
const port = "18830"

// The page's commands do what it says, from first to last, in one shell. A command whose output the
// page shows is repeated until it prints that: a write reaches the other site a moment later.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(testkit.Binary(t), filepath.Join(dir, "mysql-sync")); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString(`set -eu
attempt() { # name of a function, wanted output
	for ((i = 0; i < 600; i++)); do
		got=$("$1" 2>&1) || true
		[ "$got" != "$2" ] || return 0
		sleep 0.1
	done
	printf '%s gives\n%s\nwant\n%s\n' "$1" "$got" "$2"
	tail -n 30 *-node.log
	exit 1
}
`)
	list, steps := fences(page(t, "quick-start.md")), 0
	for i, f := range list {
		if f.language != "sh" || f.note == "not run" {
			continue
		}
		steps++
		fmt.Fprintf(&script, "echo 'line %d of the page'\n", f.line)
		if i+1 == len(list) || list[i+1].language != "text" {
			script.WriteString(f.text)
			continue
		}
		want := strings.ReplaceAll(strings.TrimSuffix(list[i+1].text, "\n"), `'`, `'\''`)
		fmt.Fprintf(&script, "line_%d() {\n%s}\nattempt line_%d '%s'\n", f.line, f.text, f.line, want)
	}
	if steps < 10 {
		t.Fatalf("the page has only %d steps", steps)
	}
	text := strings.ReplaceAll(script.String(), port, strconv.Itoa(testkit.FreePort(t)))
	cmd := exec.Command("bash", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(ofUser(os.Environ()), "PATH="+dir+":"+os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that nothing is left
	cmd.WaitDelay = time.Second
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := time.AfterFunc(5*time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err := cmd.Wait()
	over.Stop()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // leftovers of a failed step
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the page leaves %v behind (%v)", left, err)
	}
}

// ofUser returns an environment without what is meant for testkit alone: a node takes it for keys of its configuration.
func ofUser(environment []string) []string {
	return slices.DeleteFunc(environment, func(v string) bool { return strings.HasPrefix(v, "MYSQL_SYNC_TEST_") })
}
