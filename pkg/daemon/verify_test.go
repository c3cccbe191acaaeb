package daemon_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// behind runs statements behind the back of the orders table's triggers.
func (s *site) behind(statements ...string) {
	s.t.Helper()
	tx := s.db.MustBegin()
	tx.MustExec(`SET @mysql_sync_applying = 'orders'`)
	for _, q := range statements {
		tx.MustExec(q)
	}
	tx.MustExec(`SET @mysql_sync_applying = NULL`)
	if err := tx.Commit(); err != nil {
		s.t.Fatal(err)
	}
}

// verify runs the command and returns its exit code and what it printed.
func (s *site) verify(args ...string) (int, string) {
	s.t.Helper()
	out, err := testkit.Command(s.t, append([]string{"verify", s.file}, args...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

func TestVerifyFindsAndRepairsWhatDiffers(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	quiet(a, c)
	a.exec(`INSERT INTO orders WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 49)
		SELECT 50 * x.i + y.i, 'row', x.i FROM n x, n y`)
	c.expect(`SELECT COUNT(*) FROM orders`, `2500`)
	for _, s := range []*site{a, c} {
		s.expect(testkit.Waiting, `0`)
	}
	if code, out := a.verify("orders"); code != 0 || !strings.Contains(out, "equal, 2500 rows") {
		t.Fatalf("equal tables: exit code %d\n%s", code, out)
	}
	c.behind(`DELETE FROM orders WHERE id = 7`, `UPDATE orders SET name = 'bent' WHERE id = 1700`, `INSERT INTO orders VALUES (9000, 'more', 1)`)
	code, out := a.verify("orders", "--json")
	if code != 1 || strings.Count(out, `"kind"`) != 3 || !strings.Contains(out, `"id":"7","kind":"missing there"`) ||
		!strings.Contains(out, `"id":"1700","kind":"differs"`) || !strings.Contains(out, `"id":"9000","kind":"missing here"`) {
		t.Fatalf("three rows differ: exit code %d\n%s", code, out)
	}
	if code, out := a.verify("orders", "--repair"); code != 1 || !strings.Contains(out, "3 sent for repair") {
		t.Fatalf("repair: exit code %d\n%s", code, out)
	}
	c.expect(`SELECT id, name FROM orders WHERE id IN (7, 1700, 9000) ORDER BY id`, `7|"row"`, `1700|"row"`, `9000|"more"`)
	alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
	if code, out := c.verify(); code != 0 {
		t.Fatalf("after the repair: exit code %d\n%s", code, out)
	}
	c.node.Stop()
	if code, out := a.verify("orders"); code != 1 || !strings.Contains(out, "not online") {
		t.Fatalf("a remote that is away: exit code %d\n%s", code, out)
	}
}

func TestDifferencesAreTold(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"verifyInterval": 200})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.exec(orders)
	c.exec(orders)
	a.start()
	c.start()
	synced(a, c) // or that would bring the row back
	a.exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.expect(`SELECT COUNT(*) FROM orders`, `1`)
	c.exec(`TRUNCATE TABLE orders`) // fires no trigger
	a.node.WaitLog(`tables differ.*"rows": 1`)
	a.expect(`SELECT COUNT(*) FROM orders`, `1`)
}

// TestRepairSendsDeletesThatARestoredBackupHasUndone: of two versions the later one stays, also where it is a delete.
func TestRepairSendsDeletesThatARestoredBackupHasUndone(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.exec(`INSERT INTO orders VALUES (1, 'here', 1), (2, 'there', 2), (3, 'stays', 3)`)
	c.expect(`SELECT COUNT(*) FROM orders`, `3`)
	settle(t, []*site{a, c})
	a.exec(`CREATE TABLE backup_rows AS SELECT * FROM orders`, `CREATE TABLE backup_versions AS SELECT * FROM sync_versions`)
	a.exec(`DELETE FROM orders WHERE id = 1`)
	c.exec(`DELETE FROM orders WHERE id = 2`)
	a.expect(`SELECT id FROM orders`, `3`)
	c.expect(`SELECT id FROM orders`, `3`)
	settle(t, []*site{a, c})
	for _, from := range []*site{a, c} { // whoever asks
		a.behind(`DELETE FROM orders`, `INSERT INTO orders SELECT * FROM backup_rows`, `DELETE FROM sync_versions`,
			`INSERT INTO sync_versions SELECT * FROM backup_versions`)
		if code, out := from.verify("--repair"); code != 1 || !strings.Contains(out, "2 sent for repair") {
			t.Fatalf("%s: exit code %d\n%s", from.name, code, out)
		}
		a.expect(`SELECT id FROM orders`, `3`)
		c.expect(`SELECT id FROM orders`, `3`)
		settle(t, []*site{a, c})
	}
}

// TestRepairBringsBackRowsThatWereTruncated: no delete is made of what no trigger has seen, whoever asks.
func TestRepairBringsBackRowsThatWereTruncated(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.exec(`INSERT INTO orders VALUES (2, 'two', 2)`)
	for _, from := range []*site{a, c} {
		a.expect(`SELECT COUNT(*) FROM orders`, `2`)
		c.expect(`SELECT COUNT(*) FROM orders`, `2`)
		settle(t, []*site{a, c})
		a.behind(`DELETE FROM orders`)
		if code, out := from.verify("--repair"); code != 1 || !strings.Contains(out, "2 sent for repair") {
			t.Fatalf("%s: exit code %d\n%s", from.name, code, out)
		}
	}
	a.expect(`SELECT COUNT(*) FROM orders`, `2`)
	c.expect(`SELECT COUNT(*) FROM orders`, `2`)
}

// TestARepairedRowHasOneVersionEverywhere: who was not part of the repair must know of the version that it made, or the
// next write there would be in conflict with it, and might lose.
func TestARepairedRowHasOneVersionEverywhere(t *testing.T) {
	t.Parallel()
	a, h, c := aroundHub(t)
	c.behind(`UPDATE orders SET name = 'bent'`)
	if code, out := h.verify("orders", "--repair"); code != 1 || !strings.Contains(out, "1 sent for repair") {
		t.Fatalf("repair: exit code %d\n%s", code, out)
	}
	c.expect(`SELECT name FROM orders`, `"one"`)
	oneVersion(t, a, h, c)
}

// TestRepairOfATableThatIsOnlyReceived: there the row of the remote stands, whoever asks.
func TestRepairOfATableThatIsOnlyReceived(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"receiveTables": []string{}})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, map[string]any{"syncTables": []string{}})
	a.exec(orders)
	c.exec(orders)
	a.start()
	c.start()
	a.exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	for _, from := range []*site{a, c} {
		c.expect(`SELECT name FROM orders`, `"one"`)
		rest(a, c)
		c.behind(`UPDATE orders SET name = 'bent'`)
		if code, out := from.verify("orders", "--repair"); code != 1 || !strings.Contains(out, "1 sent for repair") {
			t.Fatalf("%s: exit code %d\n%s", from.name, code, out)
		}
		c.expect(`SELECT name FROM orders`, `"one"`)
	}
}
