package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// estate is a table that is received, and others, only at the receiver, that refer to it and are not listed.
var estate = []string{
	`CREATE TABLE p (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE c (id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)`,
}

var unlisted = []string{
	`CREATE TABLE notes (id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)`,
	`CREATE TABLE loose (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL)`,
	`CREATE TABLE deep (id INT PRIMARY KEY, c INT NOT NULL, FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE)`,
	`CREATE TABLE deeper (id INT PRIMARY KEY, notes INT NOT NULL, FOREIGN KEY (notes) REFERENCES notes (id) ON DELETE CASCADE)`,
}

// TestDeletesCascadeToNoUnlistedTables deletes parents at one node to which rows of another refer, in tables
// that are not listed there, and then in tables that the configuration names.
func TestDeletesCascadeToNoUnlistedTables(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"p", "c"}
	a, c := newPair(t, b, tables, estate...)
	a.Config["foreignKeyConflict"], c.Config["foreignKeyConflict"] = "cascade", "cascade"
	c.Exec(unlisted...)
	a.start()
	c.start()
	synced(a, c)
	a.Exec(numbers("p", "(#, 'p#')", 1, 6), numbers("c", "(#, #)", 1, 6))
	c.Expect(`SELECT COUNT(*) FROM c`, `6`)
	c.Exec(`INSERT INTO notes VALUES (1, 1), (5, 5)`, `INSERT INTO loose VALUES (2, 2)`, `INSERT INTO deep VALUES (3, 3)`, `INSERT INTO deeper VALUES (5, 5)`)
	a.Exec(`DELETE FROM p WHERE id < 6`)
	c.Expect(`SELECT id FROM c ORDER BY id`, `3`, `6`)
	c.Expect(`SELECT id FROM p ORDER BY id`, `1`, `2`, `3`, `5`, `6`)
	refused := func(table, key, by string) {
		t.Helper()
		a.Expect(`SELECT COUNT(*) FROM sync_status WHERE table_name = '`+table+`' AND primary_key = '`+key+`' AND status = 'error' AND message LIKE '%rows of `+by+` refer to it%cascadeTables%'`, `1`)
	}
	refused("p", "1", "notes")
	refused("p", "2", "loose")
	refused("c", "3", "deep")
	refused("p", "5", "notes")
	c.Expect(`SELECT (SELECT COUNT(*) FROM notes), (SELECT COUNT(*) FROM loose WHERE p = 2), (SELECT COUNT(*) FROM deep), (SELECT COUNT(*) FROM deeper)`, `2|1|1|1`)

	c.Node.Stop()
	c.Config["cascadeTables"] = []string{"notes", "loose", "deep", "deeper"}
	c.Write()
	c.start()
	a.told(200, "rows", "POST", "/api/retry", status.Rows{Remote: "node-b"})
	settled(t, tables, a, c)
	c.Expect(`SELECT id FROM p`, `6`)
	c.Expect(`SELECT (SELECT COUNT(*) FROM notes), (SELECT COUNT(*) FROM loose WHERE p IS NULL), (SELECT COUNT(*) FROM deep), (SELECT COUNT(*) FROM deeper)`, `0|1|0|0`)
	c.Expect(`SELECT table_name, primary_key FROM sync_conflicts WHERE policy = 'foreignKey' ORDER BY 1, 2`,
		`"deep"|"3"`, `"deeper"|"5"`, `"loose"|"2"`, `"notes"|"1"`, `"notes"|"5"`)
}
