package main_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// What a stopped node is asked to do, it does once it runs.
func TestConflictsAndResyncWithAStoppedNode(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	c := newSite(t, b, "node-b", []string{"node-a"}, nil, orders)
	a.Start()
	c.Start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	a.Expect(`SELECT status FROM sync_status`, `"successful"`)
	c.Node.Stop()
	a.Exec(`UPDATE orders SET name = 'from a'`)
	a.Expect(`SELECT status FROM sync_status`, `"pending"`)
	c.Exec(`UPDATE orders SET name = 'from b'`)
	c.Start()
	a.Expect(`SELECT name FROM orders`, `"from b"`)
	c.Expect(`SELECT COUNT(*) FROM sync_conflicts`, "1")
	running := parse[status.Conflict](t, c.Run(0, "conflicts", "--json"))
	a.Node.Stop()
	c.Node.Stop()
	list := parse[status.Conflict](t, c.Run(0, "conflicts", "--json"))
	if len(list) != 1 || encoded(t, list) != encoded(t, running) {
		t.Errorf("stopped: %s\nrunning: %s", encoded(t, list), encoded(t, running))
	}
	if x := list[0]; x.Table != "orders" || x.Row != "1" || x.Winner.Origin != "node-b" || x.Loser.Origin != "node-a" || !x.Standing {
		t.Errorf("%+v", x)
	}
	has(t, c.Run(0, "conflicts"), "orders 1", "from a", "from b")
	has(t, c.Run(1, "conflicts", "--put-back", "99"), "no such conflict")
	c.Run(2, "conflicts", "--put-back", "first")
	has(t, c.Run(0, "conflicts", "--put-back", strconv.FormatUint(list[0].ID, 10)), fmt.Sprintf("restored the row that lost conflict %d", list[0].ID))
	has(t, c.Run(0, "conflicts"), "put back at", "(putBack)")
	c.Run(2, "conflicts", "--columns", "name")
	has(t, c.Run(1, "conflicts", "--put-back", strconv.FormatUint(list[0].ID, 10), "--columns", "size", "--yes"), "has no column size")
	c.Expect(`SELECT name FROM orders`, `"from a"`)
	has(t, c.Run(0, "conflicts", "--table", "orders", "--row", "1", "--find", "from a"), "orders 1", "from b")
	has(t, c.Run(0, "conflicts", "--find", "from c"), "no conflicts")
	has(t, c.Run(2, "conflicts", "--table", "order"), "is in neither")
	has(t, c.Run(2, "conflicts", "--dismiss", "all"), "--yes")
	has(t, c.Run(2, "conflicts", "--dismiss", "one"), `"one" is not the number of a conflict`)
	has(t, c.Run(0, "conflicts", "--dismiss", "all", "--yes"), "dismissed 2 conflicts")
	has(t, c.Run(0, "conflicts"), "no conflicts")
	has(t, c.Run(0, "conflicts", "--dismissed"), "orders 1", "dismissed at")
	has(t, c.Run(0, "conflicts", "--dismiss", strconv.FormatUint(list[0].ID, 10), "--undo"), "brought back 1 conflict")
	has(t, c.Run(1, "conflicts", "--keep-both", strconv.FormatUint(list[0].ID, 10), "--key", "id=3"), "was decided already", "--yes") // it was put back
	has(t, c.Run(1, "conflicts", "--keep-both", strconv.FormatUint(list[0].ID, 10), "--yes"), "give the new key, of id")
	has(t, c.Run(2, "conflicts", "--keep-both", strconv.FormatUint(list[0].ID, 10), "--key", "id"), "must be COLUMN=VALUE")
	has(t, c.Run(0, "conflicts", "--keep-both", strconv.FormatUint(list[0].ID, 10), "--key", "id=3", "--yes"), "as 3")
	has(t, c.Run(0, "conflicts"), "inserted as 3 at")
	has(t, c.Run(2, "conflicts", "--find", strings.Repeat("x", 1001)), "more than 1000 bytes")
	c.Expect(`SELECT COUNT(*) FROM orders WHERE id = 3`, `1`)
	c.Exec(`DELETE FROM orders WHERE id = 3`)

	// A row that only node-b has and no trigger has seen.
	c.Exec(`INSERT INTO orders VALUES (2, 'two', 2)`, `DELETE FROM table_changes WHERE primary_key = '2'`)
	has(t, c.Run(0, "resync", "orders", "--remote", "node-a"), "orders will be sent to node-a (missing)")
	if list := parse[resynced](t, c.Run(0, "resync", "orders", "--json")); len(list) != 1 || list[0] != (resynced{"orders", "node-a", "missing", false}) {
		t.Errorf("resync --json printed %+v", list)
	}
	c.Run(2, "resync", "orders", "--missing", "--all")
	c.Run(2, "resync", "items")
	a.Start()
	c.Start()
	a.Expect(`SELECT GROUP_CONCAT(name ORDER BY id) FROM orders`, `"from a,two"`)
}

// Large rows come in several answers, and foreign text cannot control the terminal.
func TestConflictsWithLargeRows(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	a.Start()
	for range 7 {
		a.Exec(`INSERT INTO sync_conflicts (table_name, row_id, row_key, primary_key, detected_at, policy, winner_time, winner_origin, winner_row, loser_time, loser_origin)
			VALUES ('orders', UNHEX(REPLACE(UUID(), '-', '')), '1', '1', UTC_TIMESTAMP(6), 'lastWriteWins', 2, CONCAT('node', CHAR(27), '[2J'),
			CONCAT('{"name":"', REPEAT('x', 1500000), '"}'), 1, 'node-a')`)
	}
	for _, running := range []bool{true, false} {
		if !running {
			a.Node.Stop()
		}
		if list := parse[status.Conflict](t, a.Run(0, "conflicts", "--json")); len(list) != 7 {
			t.Errorf("%d of 7 conflicts are listed", len(list))
		}
		if list := parse[status.Conflict](t, a.Run(0, "conflicts", "--json", "--limit", "5")); len(list) != 5 || list[4].ID != 3 {
			t.Errorf("%d of 5 conflicts are listed", len(list))
		}
	}
	if text := a.Run(0, "conflicts"); strings.Contains(text, "\x1b") || strings.Contains(text, "there may be more") {
		t.Errorf("list: %.300q", text)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// resynced is one line of resync --json.
type resynced struct {
	Table, Remote, Mode string
	Running             bool
}
