package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestARestoredBackupHasNotSeenLostWrites: a restored node writes in a new life. What it had sent
// before, and no longer knows, is not overwritten silently. Promise 4.
func TestARestoredBackupHasNotSeenLostWrites(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'in the backup', 1), (2, 'too', 2)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	settle(t, []*site{a, c})
	a.Exec(`CREATE TABLE backup_rows AS SELECT * FROM orders`, `CREATE TABLE backup_versions AS SELECT * FROM sync_versions`)
	a.Exec(`UPDATE orders SET name = 'lost' WHERE id = 1`)
	c.Expect(`SELECT name FROM orders WHERE id = 1`, `"lost"`)
	settle(t, []*site{a, c})
	a.Node.Kill()
	a.behind(`DELETE FROM orders`, `INSERT INTO orders SELECT * FROM backup_rows`, `DELETE FROM sync_versions`,
		`INSERT INTO sync_versions SELECT * FROM backup_versions`, `DELETE FROM sync_node WHERE name = 'position'`)
	a.start().Node.WaitLog("restored from a backup")
	a.Exec(`UPDATE orders SET name = 'new' WHERE id = 1`)
	settle(t, []*site{a, c})
	a.Exec(`UPDATE orders SET name = 'newer' WHERE id = 1`)
	c.Expect(`SELECT name FROM orders WHERE id = 1`, `"newer"`)
	c.Expect(`SELECT winner_origin LIKE 'node-a~%', loser_origin, JSON_EXTRACT(loser_row, '$.name') = 'lost' FROM sync_conflicts`, `1|"node-a"|1`)

	// Another start continues that life.
	const lives = `SELECT COUNT(DISTINCT origin) FROM sync_versions`
	a.Expect(lives, `2`)
	a.Node.Stop()
	a.start()
	a.Exec(`UPDATE orders SET amount = 3`)
	c.Expect(`SELECT COUNT(*) FROM orders WHERE amount = 3`, `2`)
	a.Expect(lives, `1`)
}

// TestDamagedRecordsKeepNoNodeFromStarting: a node was killed before anything was in the file, or the power failed.
func TestDamagedRecordsKeepNoNodeFromStarting(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	folder := t.TempDir()
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"queueDirectory": folder})
	a.Exec(orders)
	a.start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(`SELECT origin FROM sync_versions`, `"node-a"`)
	for _, text := range []string{"", "\x00\x00\x00", `{"life": "`} {
		a.Node.Kill()
		if err := os.WriteFile(filepath.Join(folder, "node-a.records"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a.start().Node.WaitLog("is damaged")
		a.Exec(`UPDATE orders SET amount = amount + 1`)
		a.Recorded()
		a.Expect(`SELECT origin LIKE 'node-a~%' FROM sync_versions`, `1`)
	}
	// A start that captured nothing is no restored backup, nor is another one after it.
	const lives = `SELECT origin FROM sync_versions`
	before, err := a.Rows(lives)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a.Node.Kill()
		a.start()
	}
	a.Exec(`UPDATE orders SET amount = amount + 1`)
	a.Recorded()
	a.Expect(lives, strings.TrimSpace(before))
}
