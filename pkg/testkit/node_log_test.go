package testkit

import (
	"os/exec"
	"strings"
	"testing"
)

// stand runs a shell script in place of the daemon.
func stand(tb TB, script string) *NodeProcess {
	n := &NodeProcess{tb: tb, command: func() *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }}
	n.Start()
	tb.Cleanup(func() {
		n.Kill()
		n.inspect()
	})
	return n
}

func TestABrokenDaemonFailsItsTest(t *testing.T) {
	for name, says := range map[string]string{
		"panic":       "panic: runtime error: index out of range",
		"fatal error": "fatal error: concurrent map writes",
		"race":        "WARNING: DATA RACE",
	} {
		err := Run(t.Logf, func(tb TB) {
			stand(tb, "echo started; echo '"+says+"' >&2").ExitCode()
		})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the test failed with %v", name, err)
		}
	}
}

func TestQuietAllowsNoOtherWarnings(t *testing.T) {
	const said = `printf '2026-01-01T00:00:00.000Z\tINFO\tnode started\n2026-01-01T00:00:00.000Z\tWARN\toutbound\tno answer came\n'
		printf '{"level":"error","ts":"2026","msg":"tables differ"}\n'`
	for name, test := range map[string]struct {
		quiet    bool
		expected []string
		want     []string // in the failure; none: the test passes
	}{
		"is not quiet":      {false, nil, nil},
		"nothing is":        {true, nil, []string{"no answer came", "tables differ"}},
		"one is expected":   {true, []string{"no answer came"}, []string{"tables differ"}},
		"both are expected": {true, []string{"tables differ", "no answer came"}, nil},
	} {
		err := Run(t.Logf, func(tb TB) {
			n := stand(tb, said)
			if test.quiet {
				n.Quiet(test.expected...)
			}
			n.ExitCode()
		})
		if (err != nil) != (len(test.want) > 0) {
			t.Errorf("%s: the test failed with %v", name, err)
		}
		for _, text := range test.want {
			if err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the failure does not show %q: %v", name, text, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), "node started") {
			t.Errorf("%s: the failure shows a line that is not a warning: %v", name, err)
		}
	}
}

func TestWaitLogShowsTheLog(t *testing.T) {
	err := Run(t.Logf, func(tb TB) {
		stand(tb, "echo one; printf two").WaitLog("^three$")
	})
	if err == nil || !strings.Contains(err.Error(), "one\ntwo") {
		t.Errorf("the failure does not show the log: %v", err)
	}
}

func TestStopIsCleanAndStartBeginsAgain(t *testing.T) {
	n := stand(t, `trap 'echo ended; exit 5' TERM; echo ready; while :; do sleep 0.01; done`)
	n.WaitLog("^ready$")
	if code := n.Stop(); code != 5 {
		t.Errorf("exit code: %d, want 5", code)
	}
	n.WaitLog("^ended$")
	n.Start()
	n.WaitLog("^ready$")
	n.Kill()
	if code := n.ExitCode(); code != -1 {
		t.Errorf("exit code of a killed daemon: %d, want -1", code)
	}
}

func TestMissingCommandIsAnError(t *testing.T) {
	if _, err := spawn("nothing", exec.Command("/does/not/exist")); err == nil {
		t.Error("no error")
	}
}
