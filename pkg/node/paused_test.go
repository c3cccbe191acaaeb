package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// pauses and resumes ask the running node.
func (s *site) pauses(p status.PauseAsk) {
	s.t.Helper()
	s.told(200, "{}", "POST", "/api/pause", p)
}

func (s *site) resumes(of status.ResumeAsk, want string) {
	s.t.Helper()
	s.told(200, want, "POST", "/api/resume", of)
}

// A hub pauses one of its remotes: the others carry on, and so does what the paused one sends. What is due to it is pending, is
// not lost although the hub is killed twice, and goes when the pause ends by the database's clock.
func TestAPausedRemoteGetsNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	sites := network(t, testkit.AnyBroker(t), map[string][]string{"node-a": {"node-h"}, "node-h": {"node-a", "node-c"}, "node-c": {"node-h"}}, []string{"orders"}, orders)
	a, hub, c := sites["node-a"], sites["node-h"], sites["node-c"]
	a.Exec(`INSERT INTO orders (id, name) VALUES (1, 'one'), (2, 'two')`)
	testkit.Alike(t, `SELECT * FROM orders`, a, hub, c)
	rest(a, hub, c)

	hub.pauses(status.PauseAsk{Remote: "node-c", Seconds: 7200, Reason: "the line is expensive"})
	hub.Node.WaitLog(`sending is paused.*node-c.*the line is expensive`)
	hub.Exec(`INSERT INTO orders (id, name) VALUES (3, 'three')`)
	a.Exec(`UPDATE orders SET name = 'more' WHERE id = 1`, `DELETE FROM orders WHERE id = 2`)
	c.Exec(`INSERT INTO orders (id, name) VALUES (4, 'four')`)
	testkit.Alike(t, `SELECT * FROM orders`, a, hub)
	a.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"more"`, `3|"three"`, `4|"four"`)
	waits := func() {
		t.Helper()
		hub.Expect(`SELECT primary_key FROM sync_status WHERE remote = 'node-c' AND status = 'pending' ORDER BY 1`, `"1"`, `"2"`, `"3"`)
		hub.Expect(`SELECT COUNT(*) FROM sync_versions WHERE position > (SELECT position FROM sync_remotes WHERE remote = 'node-a')`, "0")
		c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"one"`, `2|"two"`, `4|"four"`)
	}
	waits()
	hub.state("the pause", func(s *status.State) error {
		if len(s.Pauses) != 1 || s.Pauses[0].Remote != "node-c" || s.Pauses[0].Reason != "the line is expensive" || s.Pauses[0].Until == nil {
			return fmt.Errorf("%+v", s.Pauses)
		}
		for _, r := range s.Remotes {
			if r.Name == "node-c" && (!s.Paused("node-c") || !r.Online || r.Pending.Rows != 3 || r.Lag != 0) || r.Name == "node-a" && (s.Paused("node-a") || r.Pending.Rows != 0) {
				return fmt.Errorf("%+v", r)
			}
		}
		for _, x := range s.Streams {
			if x.Paused != (x.Remote == "node-c") || x.Paused != (x.Standing == status.Paused) {
				return fmt.Errorf("%+v", x)
			}
		}
		return wanted(len(s.Problems) == 0)
	})
	hub.Node.Kill()
	hub.start()
	a.Exec(`INSERT INTO orders (id, name) VALUES (5, 'five')`)
	hub.Expect(`SELECT COUNT(*) FROM sync_status WHERE remote = 'node-c' AND status = 'pending'`, "4")
	c.Expect(`SELECT COUNT(*) FROM orders`, "3")
	hub.Node.Kill()
	hub.Exec(`UPDATE sync_pauses SET until_at = UTC_TIMESTAMP(6)`) // its time comes while the node is down
	hub.start()
	hub.Node.WaitLog(`a pause ended while the node was down.*node-c`)
	testkit.Alike(t, `SELECT * FROM orders`, a, hub, c)
	rest(a, hub, c)
	hub.Expect(`SELECT (SELECT COUNT(*) FROM sync_pauses), (SELECT COUNT(*) FROM sync_status WHERE status <> 'successful')`, "0|0")
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"more"`, `3|"three"`, `4|"four"`, `5|"five"`)
}

const (
	heads = `CREATE TABLE heads (id INT PRIMARY KEY, name VARCHAR(40))`
	lines = `CREATE TABLE parts (id INT PRIMARY KEY, head INT NOT NULL, FOREIGN KEY (head) REFERENCES heads (id) ON DELETE CASCADE)`
)

// A table is paused, for one remote or all: tables that refer to it wait with it, so that nothing is refused; others carry on.
// Several pauses hold independently. Afterwards everything arrives, deletes too, parents first, whatever was killed.
func TestAPausedTableWaitsWithThoseThatReferToIt(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"parts", "orders", "heads"}
	a, c := pair(t, b, tables, heads, lines, orders)
	quiet(a, c)
	a.Exec(`INSERT INTO heads VALUES (1, 'one'), (2, 'two')`, `INSERT INTO parts VALUES (1, 1), (2, 2), (3, 2)`)
	settled(t, tables, a, c)

	a.pauses(status.PauseAsk{Table: "heads"})
	a.pauses(status.PauseAsk{Table: "heads", Remote: "node-b", Seconds: 7200})
	a.Exec(`INSERT INTO heads VALUES (3, 'three')`, numbers("heads", "(#, 'x')", 100, 1300), numbers("parts", "(#, #)", 100, 1300), `UPDATE heads SET name = 'more' WHERE id = 1`,
		`INSERT INTO parts VALUES (4, 3)`, `DELETE FROM parts WHERE id = 3`, `DELETE FROM heads WHERE id = 2`, `INSERT INTO orders (id) VALUES (1)`)
	c.Exec(`INSERT INTO orders (id) VALUES (2)`, `INSERT INTO parts VALUES (50, 1)`)
	a.Expect(`SELECT head FROM parts WHERE id = 50`, "1")
	c.Expect(`SELECT COUNT(*) FROM orders`, "2")
	a.Expect(`SELECT COUNT(*) FROM orders`, "2")
	waits := func(rows int64) {
		t.Helper()
		a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'pending'`, fmt.Sprint(rows))
		c.Expect(`SELECT (SELECT COUNT(*) FROM heads WHERE name IN ('one', 'two')), (SELECT COUNT(*) FROM heads), (SELECT COUNT(*) FROM parts)`, "2|2|4")
		a.state("the pause", func(s *status.State) error {
			for _, x := range s.Streams {
				if x.Paused != (x.Table != "orders") {
					return fmt.Errorf("%+v", x)
				}
			}
			if s.Remotes[0].Pending.Rows != rows || s.Remotes[0].Lag != 0 || len(s.Pauses) != 2 || strings.Join(s.Pauses[0].Along, " ") != "parts" {
				return fmt.Errorf("%+v %+v", s.Remotes, s.Pauses)
			}
			return wanted(len(s.Problems) == 0)
		})
	}
	waits(2408)
	a.Expect(`SELECT table_name FROM sync_kept ORDER BY 1`, `"heads"`, `"parts"`)
	a.Node.Kill()
	a.start()
	a.Exec(`UPDATE heads SET name = 'even more' WHERE id = 1`, `INSERT INTO orders (id) VALUES (3)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, "3")
	waits(2408)
	a.resumes(status.ResumeAsk{Remote: "node-b"}, `"table":"heads"`)
	a.Exec(`INSERT INTO orders (id) VALUES (4)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, "4")
	c.Expect(`SELECT COUNT(*) FROM heads`, "2")
	a.resumes(status.ResumeAsk{Table: "heads"}, `"table":"heads"`)
	a.Exec(`INSERT INTO heads VALUES (5, 'five')`, `INSERT INTO parts VALUES (5, 5), (6, 1)`)
	settled(t, tables, a, c)
	a.Expect(`SELECT (SELECT COUNT(*) FROM sync_kept), (SELECT COUNT(*) FROM sync_outbox), (SELECT COUNT(*) FROM heads)`, "0|0|1204")
	if n := a.lines("the remote refused rows"); n > 0 {
		t.Errorf("rows were refused: %d lines", n)
	}
}

// A table is paused while it is sent as a whole: the transfer continues where it was, before others.
func TestATableIsPausedWhileItIsSentAsAWhole(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"heads", "orders", "parts"}
	a, c := newPair(t, b, tables, heads, lines, orders)
	c.Config["syncTables"] = []string{}
	a.Exec(numbers("heads", "(#, 'x')", 1, 20000), numbers("parts", "(#, #)", 1, 2000))
	a.start()
	a.pauses(status.PauseAsk{Table: "parts"})
	c.start()
	c.Expect(`SELECT COUNT(*) > 0 FROM heads`, "1")
	a.pauses(status.PauseAsk{Table: "heads"})
	a.Exec(`INSERT INTO orders (id) VALUES (1)`, `INSERT INTO heads VALUES (30000, 'late')`, `INSERT INTO parts VALUES (30000, 30000)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, "1")
	a.Expect(`SELECT table_name FROM sync_snapshots WHERE finished_at IS NOT NULL AND table_name = 'orders'`, `"orders"`)
	c.Expect(`SELECT (SELECT COUNT(*) FROM parts), (SELECT COUNT(*) FROM heads WHERE id = 30000)`, "0|0")
	a.Node.Kill()
	a.start()
	a.resumes(status.ResumeAsk{Table: "parts"}, `"table":"parts"`)
	a.resumes(status.ResumeAsk{}, `"table":"heads"`)
	testkit.Alike(t, `SELECT * FROM heads`, a, c)
	testkit.Alike(t, `SELECT * FROM parts`, a, c)
	a.Expect(testkit.Waiting, "0")
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, "0")
}

// A remote that is removed while paused is still paused when it returns: only a person, or the time, ends a pause. A pause of
// a remote that is no longer configured can be ended too.
func TestARemoteIsRemovedWhileItIsPaused(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.pauses(status.PauseAsk{Remote: "node-b"})
	a.Exec(`INSERT INTO orders (id) VALUES (1)`)
	a.Expect(`SELECT remote, status FROM sync_status`, `"node-b"|"pending"`)
	a.rewrite(map[string]any{"remoteClients": []string{"node-c"}})
	a.reloads()
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE remote = 'node-b'`, "0")
	a.state("the pause", func(s *status.State) error { return wanted(len(s.Pauses) == 1 && s.Remotes[0].Name == "node-c") })
	a.told(404, "is not in remoteClients", "POST", "/api/pause", status.PauseAsk{Remote: "node-b"})
	a.told(404, "is not in remoteClients", "POST", "/api/resume", status.ResumeAsk{Remote: "node-d"})
	a.told(404, "is not in syncTables", "POST", "/api/pause", status.PauseAsk{Table: "nothing"})
	a.told(400, "one second to ten years", "POST", "/api/pause", status.PauseAsk{Seconds: -1})
	a.told(400, "is not a valid duration", "POST", "/api/pause", status.PauseAsk{Seconds: 1e300})
	a.told(400, "more than 255 characters", "POST", "/api/pause", status.PauseAsk{Reason: strings.Repeat("x", 256)})
	a.rewrite(map[string]any{"remoteClients": []string{"node-b"}})
	a.reloads()
	a.Expect(`SELECT remote, status FROM sync_status`, `"node-b"|"pending"`)
	c.Expect(`SELECT COUNT(*) FROM orders`, "0")
	a.rewrite(map[string]any{"remoteClients": []string{"node-c"}})
	a.reloads()
	a.resumes(status.ResumeAsk{Remote: "node-b"}, `"remote":"node-b"`)
	a.rewrite(map[string]any{"remoteClients": []string{"node-b"}})
	a.reloads()
	testkit.Alike(t, `SELECT * FROM orders`, a, c)
}

// A peer of version 1 is paused, and a table for it: afterwards it is sent the rows as they are then.
func TestAPeerOfVersion1IsPaused(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, heads, orders)
	a.start()
	p.connect().greet("node-a")
	a.pauses(status.PauseAsk{Table: "heads"})
	a.Exec(`INSERT INTO heads VALUES (1, 'one')`, `INSERT INTO orders (id) VALUES (1)`)
	p.expectRow("orders", "1", `{"amount":null,"id":"1","name":null}`)
	a.Expect(statusOfRows+`, table_name`, `"1"|"pending"|NULL`, `"1"|"successful"|NULL`)
	a.pauses(status.PauseAsk{Remote: "peer-1"})
	a.resumes(status.ResumeAsk{Table: "heads"}, `"table":"heads"`)
	a.Exec(`UPDATE heads SET name = 'more' WHERE id = 1`, `INSERT INTO orders (id) VALUES (2)`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'pending'`, "2")
	a.Node.Kill()
	a.start()
	p.answerNow(func() {
		if n := len(p.changes); n != 1 {
			t.Errorf("it was sent %d changes", n)
		}
	})
	a.resumes(status.ResumeAsk{}, `"remote":"peer-1"`)
	p.expectRow("heads", "1", `{"id":"1","name":"more"}`)
	p.expectRow("orders", "2", `{"amount":null,"id":"2","name":null}`)
	a.Expect(testkit.Waiting, "0")
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, "0")
}
