package main_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// pausedNow is what pause --json says.
type pausedNow struct {
	status.Pause
	Running bool
}

// A stopped node is paused and resumed like a running one; what is paused is shown by both.
func TestSendingIsPausedAndResumed(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	c := newSite(t, b, "node-b", []string{"node-a"}, nil, orders)
	has(t, a.Run(1, "pause"), "start the node once first")
	a.Start()
	c.Start()
	a.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, "1")
	p := parse[pausedNow](t, a.Run(0, "pause", "--remote", "node-b", "--table", "orders", "--for", "1d2h", "--reason", "a \x1b[31mnew column", "--json"))[0]
	if !p.Running || p.Remote != "node-b" || p.Table != "orders" || p.Until == nil || p.Until.Sub(p.Began).Hours() != 26 {
		t.Errorf("%+v", p)
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(`SELECT status FROM sync_status`, `"pending"`)
	a.Node.Stop()
	out := a.Run(1, "status")
	has(t, out, "paused: orders to node-b, until ", "new column")
	if strings.Contains(out, "\x1b") {
		t.Errorf("what steers a terminal is printed: %q", out)
	}
	has(t, a.Run(0, "pause"), "paused: everything, until it is resumed\n")
	if s := parse[shown](t, strings.Split(a.Run(1, "status", "--json"), "\n")[0])[0]; len(s.Pauses) != 2 || !s.Paused("node-b") || s.Remotes[0].Pending.Rows != 1 || s.Streams[0].Standing != status.Paused {
		t.Errorf("stopped: %+v", s)
	}
	has(t, a.Run(0, "resume", "--table", "orders"), "resumed: orders to node-b\nstill paused: everything, until it is resumed\n")
	a.Start()
	has(t, a.Run(0, "status"), "paused: everything, until it is resumed")
	c.Expect(`SELECT COUNT(*) FROM orders`, "0")
	if p := parse[pausedNow](t, a.Run(0, "resume", "--json")); len(p) != 1 || !p[0].Running {
		t.Errorf("%+v", p)
	}
	c.Expect(`SELECT COUNT(*) FROM orders`, "1")
	has(t, a.Run(0, "resume"), "nothing was paused\n")
	for _, wrong := range [][]string{{"pause", "--remote", "nobody"}, {"pause", "--table", "nothing"}, {"pause", "--for", "soon"}, {"pause", "--for", "-1h"}, {"pause", "--for", "0d"},
		{"pause", "--for", "5000d"}, {"pause", "--reason", strings.Repeat("x", 256)}, {"resume", "--table", "nothing"}, {"resume", "--remote", "nobody"}} {
		a.Run(2, wrong[0], wrong[1:]...)
	}
}
