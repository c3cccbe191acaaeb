package testkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// NodeProcess is a running daemon. Its methods are for one goroutine.
type NodeProcess struct {
	tb      TB
	command func() *exec.Cmd // of each start
	child   *child
	quiet   bool
	mayTell []string // see Quiet
}

// Binary returns the path of the daemon, built from this module, with the race detector if the
// environment variable MYSQL_SYNC_TEST_RACE is 1. Each process has a copy of its own, which is removed
// with it: see Main.
func Binary(tb TB) string {
	tb.Helper()
	if other != "" {
		return other
	}
	return built(tb, daemon)
}

// other is the daemon that takes the place of the one of this module.
var other string

// Use has Binary return a daemon that was built before, such as another version's. It must be called before any test begins.
func Use(daemon string) { other = daemon }

// Connector returns the path of the connector, built like the daemon.
func Connector(tb TB) string {
	tb.Helper()
	return built(tb, connector)
}

func built(tb TB, binary func() (string, error)) string {
	tb.Helper()
	path, err := binary()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return path
}

// ConfigFile writes a configuration as JSON into a folder that is removed with the test, and returns the file's path.
func ConfigFile(tb TB, configuration any) string {
	tb.Helper()
	text, err := json.MarshalIndent(configuration, "", "  ")
	if err != nil {
		tb.Fatalf("write the configuration: %v", err)
	}
	path := filepath.Join(folder(tb, ""), "configuration.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatalf("write the configuration: %v", err)
	}
	return path
}

// Node starts the daemon with a configuration file and further arguments. It returns once the
// process runs; what it then does shows in its log: see WaitLog. The test fails if the daemon
// panics or the race detector finds something. A failing test shows the end of the daemon's log.
func Node(tb TB, configurationFile string, args ...string) *NodeProcess {
	tb.Helper()
	return start(tb, Binary(tb), nil, append([]string{configurationFile}, args...))
}

// start starts a daemon with environment variables in addition to this process's.
func start(tb TB, path string, environment, args []string) *NodeProcess {
	tb.Helper()
	return Process(tb, func() *exec.Cmd {
		c := command(path, args...)
		c.Env = append(c.Env, environment...)
		return c
	})
}

// Process starts a program as Node starts the daemon, and watches it in the same way: for a
// confined daemon and for other programs. The command is made anew for each start.
func Process(tb TB, command func() *exec.Cmd) *NodeProcess {
	tb.Helper()
	n := &NodeProcess{tb: tb, command: command}
	n.Start()
	tb.Cleanup(func() {
		n.Kill()
		n.inspect()
	})
	return n
}

// Command returns a command of the real binary, not started, for the subcommands that end by themselves.
func Command(tb TB, args ...string) *exec.Cmd {
	tb.Helper()
	return command(Binary(tb), args...)
}

// Output runs a command of the real binary to its end and returns its exit code and output.
func Output(tb TB, args ...string) (code int, stdout, stderr string) {
	tb.Helper()
	var out, said bytes.Buffer
	c := Command(tb, args...)
	c.Stdout, c.Stderr = &out, &said
	if err := c.Start(); err != nil {
		tb.Fatalf("start mysql-sync %v: %v", args, err)
	}
	timer := time.AfterFunc(2*limit, func() { _ = c.Process.Kill() }) // A command that finds no mistake in a file may run it.
	err := c.Wait()
	var exit *exec.ExitError
	if !timer.Stop() || err != nil && !errors.As(err, &exit) {
		tb.Fatalf("mysql-sync %v: %v\n%s%s", args, err, out.String(), said.String())
	}
	return c.ProcessState.ExitCode(), out.String(), said.String()
}

// command hides the tests' own variables from the daemon, which would take them for configuration keys.
func command(path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...)
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MYSQL_SYNC_TEST_") })
	return c
}

// Start starts the daemon again after Kill or Stop, with the same arguments and an empty log.
func (n *NodeProcess) Start() {
	n.tb.Helper()
	if n.child != nil {
		n.Kill()
		n.inspect()
	}
	c := n.command()
	child, err := spawn(filepath.Base(c.Path), c)
	if err != nil {
		n.tb.Fatalf("%v", err)
	}
	n.child = child
}

// Pid is the process id of the daemon's latest start.
func (n *NodeProcess) Pid() int { return n.child.cmd.Process.Pid }

// Runs reports whether the daemon's latest start has not ended.
func (n *NodeProcess) Runs() bool {
	select {
	case <-n.child.done:
		return false
	default:
		return true
	}
}

// Kill ends the daemon with SIGKILL, as a crash would.
func (n *NodeProcess) Kill() { n.child.kill() }

// Stop sends the daemon SIGTERM and returns its exit code.
func (n *NodeProcess) Stop() int {
	n.tb.Helper()
	if err := n.child.terminate(); err != nil {
		n.tb.Fatalf("%v", err)
	}
	return n.ExitCode()
}

// Interrupt sends the daemon SIGINT, as Ctrl-C does, and returns its exit code.
func (n *NodeProcess) Interrupt() int {
	n.tb.Helper()
	if !n.child.end(syscall.SIGINT, limit) {
		n.tb.Fatalf("stop the daemon: still running %v after SIGINT", limit)
	}
	return n.ExitCode()
}

// ExitCode waits until the daemon ends by itself and returns its exit code; -1 means a signal.
func (n *NodeProcess) ExitCode() int {
	n.tb.Helper()
	select {
	case <-n.child.done:
	case <-time.After(limit):
		n.tb.Fatalf("wait for the end of the daemon: still running after %v; it said:\n%s", limit, n.child.tail())
	}
	return n.child.cmd.ProcessState.ExitCode()
}

// Log returns what the daemon has printed since its start, on standard output and standard error, line by line.
func (n *NodeProcess) Log() []string { return n.child.output.all() }

// WaitLog waits for a log line that matches the regular expression and returns it. Earlier lines
// since the start count too.
func (n *NodeProcess) WaitLog(pattern string) string {
	n.tb.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		n.tb.Fatalf("wait for the log: %v", err)
	}
	line, err := n.child.output.wait(re, limit)
	if err != nil {
		n.tb.Fatalf("wait for %q in the log: %v; it said:\n%s", pattern, err, n.child.tail())
	}
	return line
}

// Quiet makes the test fail, at the end of each run of the daemon, if its log has a warning or an
// error. Lines that contain one of the texts are expected: the test provokes them. It may be called
// again, and applies to the current run too.
func (n *NodeProcess) Quiet(expected ...string) {
	n.quiet = true
	n.mayTell = append(n.mayTell, expected...)
}

// trouble matches log lines, for people or in JSON, that report something wrong.
var trouble = regexp.MustCompile(`^\S+\t(WARN|ERROR)\t|^\{"level":"(warn|error)"`)

// unexpected returns the lines that Quiet does not allow.
func (n *NodeProcess) unexpected(all []string) []string {
	if !n.quiet {
		return nil
	}
	return slices.DeleteFunc(all, func(line string) bool {
		return !trouble.MatchString(line) || slices.ContainsFunc(n.mayTell, func(text string) bool { return strings.Contains(line, text) })
	})
}

// bug matches the first line of a Go program's crash.
var bug = regexp.MustCompile(`^(panic: |fatal error: |WARNING: DATA RACE)`)

// inspect checks the log of a daemon that has ended.
func (n *NodeProcess) inspect() {
	n.tb.Helper()
	all := n.Log()
	for i, line := range all {
		if bug.MatchString(line) {
			n.tb.Fatalf("the daemon has a bug:\n%s", strings.Join(all[i:min(len(all), i+60)], "\n"))
		}
	}
	if t, ok := n.tb.(interface{ Failed() bool }); ok && t.Failed() {
		n.tb.Logf("the daemon said:\n%s", n.child.tail())
	} else if lines := n.unexpected(all); len(lines) > 0 {
		n.tb.Fatalf("the daemon logged unexpected warnings:\n%s", strings.Join(lines, "\n"))
	}
}
