package check_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Refused and waiting rows are reported with advice, whether a node runs or not, and so are keys
// that differ. Once they are fixed, nothing is reported.
func TestDifferingKeysAndRefusedRowsAreReported(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	tables := []string{"items", "orders", "parts", "pairs"}
	const parts = `CREATE TABLE parts (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES orders (id))`
	a := newSite(t, testkit.Shared(t), b, orders, strings.Replace(parts, ", FOREIGN KEY (parent) REFERENCES orders (id)", "", 1),
		`CREATE TABLE items (a INT, b INT, v INT, PRIMARY KEY (b, a), UNIQUE (v, a))`, `CREATE TABLE pairs (id INT PRIMARY KEY, v INT, w INT, UNIQUE (v))`)
	c := newSite(t, testkit.Shared(t), b, strings.Replace(orders, "100", "5", 1), parts,
		`CREATE TABLE items (A INT, B INT, v INT, PRIMARY KEY (A, B), UNIQUE (A, v))`, `CREATE TABLE pairs (id INT PRIMARY KEY, v INT, w INT, UNIQUE (w, v), UNIQUE (w))`)
	c.Config["clientName"], c.Config["remoteClients"] = "node-b", []string{"node-a"}
	for _, s := range []*site{a, c} {
		s.Config["syncTables"], s.Config["receiveTables"] = tables, tables
		s.Config["initialSync"] = "none" // or one that starts late resends what waits
	}
	a.start()
	c.start()
	c.Exec(`INSERT INTO pairs VALUES (9, 9, 1)`)
	a.Exec(`INSERT INTO orders VALUES (1, 'too long'), (2, 'longer still')`, `INSERT INTO parts VALUES (1, 7)`, `INSERT INTO pairs VALUES (1, 1, 1), (2, 2, 1)`)
	testkit.Eventually(t, "refused and waiting rows", func() error {
		var n int
		if err := a.DB.Get(&n, `SELECT COUNT(DISTINCT table_name) FROM sync_outbox WHERE state = 'waiting'`); err != nil || n != 3 {
			return errors.Join(err, errors.New("not all"))
		}
		return nil
	})
	f := a.check(0, "--listen", "20s")
	f.has(finding.Warning, "node-b", "2 rows of orders are refused (", "mysql-sync errors", "mysql-sync retry")
	f.has(finding.Warning, "node-b", "2 rows of pairs wait there")
	f.has(finding.Warning, "node-b", "1 row of parts waits there for other rows", "follow by themselves")
	f.has(finding.Warning, "node-b", "items has the primary key (b, a) here and (A, B) there", "same primary key on both sides")
	f.has(finding.Warning, "node-b", "pairs has the unique key (w) only there: rows that are equal in it here are refused there")
	f.has(finding.Warning, "node-b", "pairs has the unique key (v) only here: rows that are equal in it there are refused here")
	f.has(finding.Right, "node-b", "has the same keys for 2 tables")
	if n := len(f.in(finding.Warning, check.AreaRemotes)); n != 7 { // with that of orders.name; (w, v) is implied, and v, a the same in another order
		t.Errorf("%d warnings, want 7:\n%s", n, f.text)
	}
	a.Exec(`INSERT INTO sync_status (id, table_name, primary_key, remote, date, status, message) VALUES
		('00ff', 'items', '1,2', 'node-b', UTC_TIMESTAMP(), 'error', 'left by somebody'), ('01ff', 'items', '3,4', 'never', UTC_TIMESTAMP(), 'error', '')`)
	f = a.check(0, "--listen", "1s")
	f.has(finding.Warning, "node-b", "sync_status has errors for 1 row of items (left by somebody), which nothing will resend", "verify --repair")
	if strings.Contains(f.text, "errors for 1 row of orders") || strings.Contains(f.text, "errors for 2 rows") {
		t.Errorf("rows that are retried are reported as rows that are not:\n%s", f.text)
	}
}
