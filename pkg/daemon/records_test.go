package daemon_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestARestoredBackupHasNotSeenWhatWasLost: a node that was set back writes in a life of its own. What it had sent before,
// and does not know any more, is not overwritten silently. Promise 4.
func TestARestoredBackupHasNotSeenWhatWasLost(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a, c := pair(t, b, []string{"orders"}, orders)
	a.exec(`INSERT INTO orders VALUES (1, 'in the backup', 1), (2, 'too', 2)`)
	c.expect(`SELECT COUNT(*) FROM orders`, `2`)
	settle(t, []*site{a, c})
	a.exec(`CREATE TABLE backup_rows AS SELECT * FROM orders`, `CREATE TABLE backup_versions AS SELECT * FROM sync_versions`)
	a.exec(`UPDATE orders SET name = 'lost' WHERE id = 1`)
	c.expect(`SELECT name FROM orders WHERE id = 1`, `"lost"`)
	settle(t, []*site{a, c})
	a.node.Kill()
	a.behind(`DELETE FROM orders`, `INSERT INTO orders SELECT * FROM backup_rows`, `DELETE FROM sync_versions`,
		`INSERT INTO sync_versions SELECT * FROM backup_versions`)
	a.exec(`TRUNCATE table_changes`) // its ids start again too
	a.start().node.WaitLog("set back to a backup")
	a.exec(`UPDATE orders SET name = 'new' WHERE id = 1`)
	settle(t, []*site{a, c})
	a.exec(`UPDATE orders SET name = 'newer' WHERE id = 1`)
	c.expect(`SELECT name FROM orders WHERE id = 1`, `"newer"`)
	c.expect(`SELECT winner_origin LIKE 'node-a~%', loser_origin, JSON_EXTRACT(loser_row, '$.name') = 'lost' FROM sync_conflicts`, `1|"node-a"|1`)

	// A further start is of the same life.
	const lives = `SELECT COUNT(DISTINCT origin) FROM sync_versions`
	a.expect(lives, `2`)
	a.node.Stop()
	a.start()
	a.exec(`UPDATE orders SET amount = 3`)
	c.expect(`SELECT COUNT(*) FROM orders WHERE amount = 3`, `2`)
	a.expect(lives, `1`)
}
