package main_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

type shown struct {
	Running bool `json:"running"`
	status.State
}

func TestStatusShowsARunningNodeAndAStoppedOne(t *testing.T) {
	t.Parallel()
	a, c := refusing(t, `INSERT INTO orders VALUES (1, 'short', 1), (2, 'too long', 2)`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, "1")
	testkit.Eventually(t, "the status", func() error {
		s := parse[shown](t, a.Run(0, "status", "--json"))[0]
		if r := s.Remotes[0]; !s.Running || s.Client != "node-a" || r.Name != "node-b" || !r.Online || r.Protocol != 2 || r.Errors != 1 || r.Pending.Rows != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	out := a.Run(0, "status")
	has(t, out, "node-a  running for", "database  online", "broker    online", "REMOTE", "node-b", "both ways", "lastWriteWins", "1 row for node-b is refused: mysql-sync errors")
	if strings.Contains(out, "\x1b") {
		t.Errorf("colours without a terminal:\n%q", out)
	}

	c.Node.Stop()
	a.Exec(`INSERT INTO orders VALUES (3, 'x', 3), (4, 'y', 4)`)
	testkit.Eventually(t, "what is pending", func() error {
		s := parse[shown](t, a.Run(0, "status", "--json"))[0]
		if r := s.Remotes[0]; r.Online || r.Pending.Rows != 2 || r.Oldest == nil {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	// An offline remote was not compared: that says nothing about its rows.
	if said := a.Run(1, "verify"); !strings.Contains(said, "not everything was compared") || strings.Contains(said, "not equal") {
		t.Errorf("verify printed %s", said)
	}
	a.Node.Stop()
	s := parse[shown](t, strings.Split(a.Run(1, "status", "--json"), "\n")[0])[0]
	if r := s.Remotes[0]; s.Running || r.Pending.Rows != 2 || r.Oldest == nil || r.Lag <= 0 || r.Errors != 1 || len(s.Tables) != 1 || len(s.Transfers) != 1 || len(s.Streams) != 1 || s.Streams[0].Pending.Rows != 2 || s.Streams[0].Errors != 1 {
		t.Errorf("stopped: %+v", s)
	}
	has(t, a.Run(1, "status"), "not running", "no answer at", "From its database", "1 row is refused: mysql-sync errors")
}

func TestStatusOfANodeThatNeverRan(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1}
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	has(t, a.Run(1, "status"), "the node is not running", "start the node once first")
	a.Run(2, "status", "--nonsense")
	code, _, said := testkit.Output(t, "status")
	if code != 2 {
		t.Errorf("without a configuration: exit code %d: %s", code, said)
	}
}

// On a terminal --watch redraws in place, no line wider than the terminal, and leaves it as it was.
func TestWatchRedrawsInPlace(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	a.Start()
	cmd := testkit.Command(t, "status", a.File, "--watch")
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
	screen, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 40})
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	var text strings.Builder
	part := make([]byte, 4096)
	for strings.Count(text.String(), "\x1b[H") < 3 {
		n, err := screen.Read(part)
		if err != nil {
			t.Fatalf("%v after\n%q", err, text.String())
		}
		text.Write(part[:n])
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := screen.Read(part)
		if err != nil {
			break
		}
		text.Write(part[:n])
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
	frames := strings.Split(text.String(), "\x1b[H")
	has(t, text.String(), "\x1b[?1049h", "\x1b[?1049l", "\x1b[32m", "\x1b[J")
	for l := range strings.SplitSeq(strings.ReplaceAll(frames[1], "\r", ""), "\n") {
		if n := len([]rune(plain(l))); n > 40 {
			t.Errorf("a line of %d characters: %q", n, l)
		}
	}
	has(t, plain(frames[1]), "node-a  running", "node-b")
}

// plain removes control sequences.
func plain(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != 0x1b {
			b.WriteByte(s[i])
			continue
		}
		for i += 2; i < len(s) && (s[i] < '@' || s[i] > '~'); i++ {
		}
	}
	return b.String()
}

func TestWatchWithoutATerminalAppends(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	a.Start()
	cmd := testkit.Command(t, "status", a.File, "--watch", "--json")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	part := make([]byte, 4096)
	for strings.Count(text.String(), "\n") < 2 {
		n, err := out.Read(part)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(part[:n])
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGINT: %v", err)
	}
	for _, s := range parse[shown](t, strings.Join(strings.Split(text.String(), "\n")[:2], "\n")) {
		if !s.Running || s.Client != "node-a" {
			t.Errorf("%+v", s)
		}
	}
}
