package node_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestRowsDeletedInAnArchiveStayElsewhere rotates a table away, while the node runs and while it
// does not: the triggers go with it, and later deletes in the archive are no deletes of
// the table. Deletes in the table itself are still sent.
func TestRowsDeletedInAnArchiveStayElsewhere(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	long := strings.Repeat("l", 60) // the names of its triggers are shortened
	create := strings.NewReplacer("orders", long).Replace(orders)
	for what, away := range map[string]bool{"running": false, "away": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a, c := pair(t, testkit.AnyBroker(t), []string{"orders", long, "notes"}, orders, create, notes)
			a.Exec(`INSERT INTO notes VALUES (1, 'one'), (2, 'two')`)
			for _, table := range []string{"orders", long} {
				a.Exec(`INSERT INTO ` + table + ` VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4)`)
				c.Expect(`SELECT COUNT(*) FROM `+table, `4`)
			}
			c.Expect(`SELECT COUNT(*) FROM notes`, `2`)
			a.Expect(testkit.Waiting, `0`)
			if away {
				a.Node.Stop()
			}
			for _, table := range []string{"orders", long} {
				a.Exec(`CREATE TABLE fresh LIKE `+table, `RENAME TABLE `+table+` TO archive, fresh TO `+table,
					`DELETE FROM archive WHERE id = 1`, `UPDATE archive SET id = 5 WHERE id = 2`, `DELETE FROM notes WHERE id = 1`,
					`INSERT INTO `+table+` VALUES (7, 'seven', 7)`, `DELETE FROM archive WHERE id = 3`)
				if !away {
					a.Expect(`SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = '`+table+`'`, `3`)
					a.Exec(`DELETE FROM archive`)
				}
				a.Exec(`RENAME TABLE archive TO archive_of_` + table[:3])
			}
			if away {
				a.start()
				a.Node.WaitLog(`may have been missed while the node was down`)
			} else {
				a.Node.WaitLog(`a table was renamed along with its triggers`)
			}
			for _, table := range []string{"orders", long} {
				c.Expect(`SELECT id FROM `+table+` ORDER BY id`, `1`, `2`, `3`, `4`, `7`)
				a.Exec(`INSERT INTO `+table+` VALUES (8, 'eight', 8)`, `UPDATE `+table+` SET id = 9 WHERE id = 7`)
				c.Expect(`SELECT id FROM `+table+` ORDER BY id`, `1`, `2`, `3`, `4`, `8`, `9`)
				a.Exec(`DELETE FROM ` + table + ` WHERE id = 8`)
				c.Expect(`SELECT id FROM `+table+` ORDER BY id`, `1`, `2`, `3`, `4`, `9`)
			}
			c.Expect(`SELECT id FROM notes`, `2`)
			a.verify("--repair")
			for _, table := range []string{"orders", long} {
				a.Expect(`SELECT id FROM `+table+` ORDER BY id`, `1`, `2`, `3`, `4`, `9`)
				c.Expect(`SELECT id FROM `+table+` ORDER BY id`, `1`, `2`, `3`, `4`, `9`)
			}
			if i := slices.IndexFunc(a.Node.Log(), func(l string) bool { return strings.Contains(l, "ERROR") }); i >= 0 {
				t.Error(a.Node.Log()[i])
			}
		})
	}
}
