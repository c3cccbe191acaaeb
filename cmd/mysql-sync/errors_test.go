package main_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// refusing starts two nodes; the second one's table accepts no name of more than 5 characters, so
// it refuses the rows that the statements write at the first. The statements run after the first
// transfers, which would send the rows once more.
func refusing(t *testing.T, statements ...string) (a, c *testkit.Site) {
	t.Helper()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a = newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	c = newSite(t, b, "node-b", []string{"node-a"}, nil, `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(5), price DECIMAL(10,2))`)
	a.Start()
	c.Start()
	a.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, "1")
	c.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, "1")
	a.Exec(statements...)
	return a, c
}

func TestErrorsAreListedAndRetried(t *testing.T) {
	t.Parallel()
	a, c := refusing(t, `INSERT INTO orders VALUES (1, 'short', 1), (2, 'too long', 2), (3, 'too long too', 3)`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, "2")
	check := func(when string) {
		t.Helper()
		list := parse[status.RowError](t, a.Run(0, "errors", "--json"))
		if len(list) != 2 || list[0].Remote != "node-b" || list[0].Table != "orders" || list[0].Attempts != 1 || list[0].At.IsZero() || list[0].RetryAt.IsZero() {
			t.Fatalf("%s: %+v", when, list)
		}
		has(t, list[0].Message, "column name: a text of ")
		has(t, a.Run(0, "errors", "--remote", "node-b", "--table", "orders"), "orders 2 → node-b  (1 try, the next", "orders 3 → node-b", "column name: a text of ")
		if list := parse[status.RowError](t, a.Run(0, "errors", "--json", "--limit", "1")); len(list) != 1 {
			t.Errorf("%s: --limit 1 returned %d", when, len(list))
		}
	}
	check("running")
	for _, wrong := range [][]string{{"--remote", "nobody"}, {"--table", "nothing"}, {"--limit", "0"}} {
		a.Run(2, "errors", wrong...)
	}
	a.Run(2, "retry", "--id", "2")

	c.Exec(`ALTER TABLE orders MODIFY name VARCHAR(10)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, "2") // retried automatically, since the table was altered
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, "1")
	has(t, a.Run(0, "retry", "--table", "orders", "--id", "2"), "0 refused rows")
	// The tables of node-b are altered while it is stopped: nobody tells node-a.
	c.Node.Stop()
	c.Exec(`ALTER TABLE orders MODIFY name VARCHAR(100)`)
	a.Node.Stop()
	list := parse[status.RowError](t, a.Run(0, "errors", "--json"))
	if len(list) != 1 || list[0].ID != "3" {
		t.Fatalf("stopped: %+v", list)
	}
	has(t, list[0].Message, "column name: a text of ")
	has(t, a.Run(0, "retry", "--remote", "node-b", "--table", "orders", "--id", "3"), "1 refused row is sent again when the node runs")
	a.Start()
	c.Start()
	c.Expect(`SELECT COUNT(*) FROM orders`, "3")
	has(t, a.Run(0, "errors"), "no rows refused")
}

// retried is the output of retry --json.
type retried struct {
	Rows    int64
	Running bool
}

// A row that waits for its parent is pending in sync_status; it is listed as waiting. It is sent
// once: see refusing.
func TestARowWaitingForItsParentIsNotAnError(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, map[string]any{"initialSync": "none"}, orders)
	c := newSite(t, b, "node-b", []string{"node-a"}, nil, `CREATE TABLE names (name VARCHAR(100) PRIMARY KEY)`,
		`CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100), price DECIMAL(10,2), FOREIGN KEY (name) REFERENCES names (name))`)
	a.Start()
	c.Start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE state = 'waiting'`, "1")
	a.Exec(`UPDATE sync_outbox SET retry_at = 9999999999999`) // no longer automatic
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE state = 'waiting' AND retry_at = 9999999999999`, "1")
	check := func(when string) {
		t.Helper()
		list := parse[status.RowError](t, a.Run(0, "errors", "--json"))
		if len(list) != 1 || !list[0].Waits || list[0].ID != "1" {
			t.Fatalf("%s: errors %+v", when, list)
		}
		has(t, a.Run(0, "errors"), "orders 1 → node-b  (waits for another row, ")
	}
	testkit.Eventually(t, "the state of the waiting row", func() error {
		s := parse[status.State](t, a.Run(0, "status", "--json"))[0]
		if r := s.Remotes[0]; r.Pending.Rows != 1 || r.Errors != 0 || r.Oldest == nil || r.Lag <= 0 {
			return fmt.Errorf("remote %+v", r)
		}
		for _, p := range s.Problems {
			if strings.Contains(p, "refused") {
				return errors.New(p)
			}
		}
		return nil
	})
	check("running")
	a.Node.Stop()
	line, _, _ := strings.Cut(a.Run(1, "status", "--json"), "\n")
	if s := parse[status.State](t, line)[0]; s.Remotes[0].Pending.Rows != 1 || s.Remotes[0].Errors != 0 {
		t.Errorf("stopped: remote %+v", s.Remotes[0])
	}
	check("stopped")
	c.Exec(`INSERT INTO names VALUES ('one')`)
	if list := parse[retried](t, a.Run(0, "retry", "--json")); len(list) != 1 || list[0] != (retried{1, false}) {
		t.Errorf("retry --json printed %+v", list)
	}
	a.Start()
	c.Expect(`SELECT COUNT(*) FROM orders`, "1")
	has(t, a.Run(0, "errors"), "no rows refused")
}

func TestRetryOfARunningNodeSendsAtOnce(t *testing.T) {
	t.Parallel()
	a, c := refusing(t)
	// A check constraint is in no definition that a node compares.
	c.Exec(`ALTER TABLE orders ADD CONSTRAINT small CHECK (price < 10)`)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 100), (2, 'two', 200)`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, "2")
	a.Exec(`UPDATE sync_outbox SET retry_at = 9999999999999`) // never automatic
	c.Exec(`ALTER TABLE orders DROP CONSTRAINT small`)
	has(t, a.Run(0, "retry", "--table", "orders", "--id", "2"), "1 refused row is sent again now")
	c.Expect(`SELECT COUNT(*) FROM orders`, "2") // the other follows once one has gone through
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, "0")
	if list := parse[retried](t, a.Run(0, "retry", "--json")); len(list) != 1 || list[0] != (retried{0, true}) {
		t.Errorf("retry --json printed %+v", list)
	}
}
