package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// ancestors are tables whose names begin with the children's: each refers to the next, with empty tables in between.
func ancestors(depth, empty int) (tables, ddl []string) {
	for i := depth - 1; i >= 0; i-- {
		parent := ""
		if i < depth-1 {
			parent = fmt.Sprintf(", FOREIGN KEY (parent) REFERENCES `t%02d` (id)", i+1)
		}
		tables = append(tables, fmt.Sprintf("t%02d", i))
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE `t%02d` (id INT PRIMARY KEY, parent INT NOT NULL%s)", i, parent))
	}
	for i := range empty {
		tables = append(tables, fmt.Sprintf("e%03d", i))
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE e%03d (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES t%02d (id))", i, i%depth))
	}
	return tables, ddl
}

// TestTablesAreSentByTheirForeignKeys: no child is tried before its parents were sent, whatever the names are.
func TestTablesAreSentByTheirForeignKeys(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables, ddl := ancestors(8, 40)
	sorted := strings.Fields(strings.Join(tables, " "))
	for i, k := 0, len(sorted)-1; i < k; i, k = i+1, k-1 {
		sorted[i], sorted[k] = sorted[k], sorted[i]
	}
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, sorted, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, sorted, nil)
	d := newSite(t, b, "node-c", []string{"node-a"}, sorted, nil)
	for _, s := range []*site{a, c, d} {
		s.Exec(ddl...)
	}
	for i := 7; i >= 0; i-- {
		a.Exec(fmt.Sprintf(`INSERT INTO t%02d WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 700) SELECT i, 701 - i FROM n`, i))
	}
	c.start()
	d.start()
	a.start()
	quiet(a, c, d)
	synced(a, c, d)
	for i := range 8 {
		testkit.Alike(t, fmt.Sprintf(`SELECT * FROM t%02d ORDER BY id`, i), a, c, d)
	}
	// Nothing waited, was refused, or was tried twice.
	for _, s := range []*site{c, d} {
		if strings.Contains(strings.Join(s.Node.Log(), "\n"), "rows wait for others") {
			t.Errorf("rows of %s were sent before those that they refer to", s.Name)
		}
	}
	a.Expect(`SELECT COUNT(*) FROM sync_status`, `0`)
	// Empty tables are not recorded one by one.
	a.Expect(`SELECT remote, COUNT(DISTINCT finished_at) < 10 FROM sync_snapshots WHERE table_name LIKE 'e%' GROUP BY remote ORDER BY remote`, `"node-b"|1`, `"node-c"|1`)
}

// TestATransferResumesAfterAKill: tables that refer to each other in a cycle, a tree whose parents come last, rows of
// which few fit into a batch, and all rows of a child and its parent once more.
func TestATransferResumesAfterAKill(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"a_staff", "b_tree", "c_note", "c_picture", "d_parts", "z_store"}
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	d := newSite(t, b, "node-c", []string{"node-a"}, tables, nil)
	for _, s := range []*site{a, c, d} {
		s.Exec(`CREATE TABLE z_store (id INT PRIMARY KEY, manager INT NOT NULL, INDEX (manager))`,
			`CREATE TABLE a_staff (id INT PRIMARY KEY, store INT NOT NULL, FOREIGN KEY (store) REFERENCES z_store (id))`,
			`ALTER TABLE z_store ADD FOREIGN KEY (manager) REFERENCES a_staff (id)`,
			`CREATE TABLE b_tree (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES b_tree (id))`,
			`CREATE TABLE c_picture (id INT PRIMARY KEY, picture LONGBLOB NOT NULL)`,
			`CREATE TABLE c_note (id INT PRIMARY KEY, picture INT NOT NULL, FOREIGN KEY (picture) REFERENCES c_picture (id))`,
			`CREATE TABLE d_parts (year INT, name VARCHAR(20), n INT, PRIMARY KEY (year, name)) PARTITION BY HASH (year) PARTITIONS 7`)
	}
	tx := a.DB.MustBegin()
	for _, q := range []string{
		`SET foreign_key_checks = 0`,
		`INSERT INTO a_staff WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, 1 + i MOD 900 FROM n`,
		`INSERT INTO z_store WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, 1 + i * 7 MOD 900 FROM n`,
		`INSERT INTO b_tree WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, IF(i = 900, NULL, LEAST(900, 3 * i)) FROM n`,
		`INSERT INTO c_picture WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 12) SELECT i, REPEAT(CHAR(64 + i), 900000) FROM n`,
		`INSERT INTO c_note WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 700) SELECT i, 1 + i MOD 12 FROM n`,
		`INSERT INTO d_parts WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT 1990 + i MOD 9, CONCAT('n', i), i FROM n`,
		`SET foreign_key_checks = 1`,
	} {
		tx.MustExec(q)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	c.start()
	d.start()
	a.start()
	c.Expect(`SELECT COUNT(*) > 0 FROM d_parts`, `1`)
	a.Node.Kill()
	c.Node.Kill()
	a.start()
	c.start()
	for _, table := range tables {
		query := `SELECT * FROM ` + table + ` ORDER BY 1, 2`
		if table == "c_picture" { // MySQL sorts no such rows
			query = `SELECT id, SHA2(picture, 256) FROM c_picture ORDER BY id`
		}
		testkit.Alike(t, query, a, c, d)
	}
	for _, s := range []*site{a, c, d} {
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NULL`, `0`)
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}
	// All rows once more, of a child and of its parent, on request: nothing is tried too early.
	testkit.Unseen(t, c.DB, [2]string{"c_note", `DELETE FROM c_note`}, [2]string{"c_picture", `DELETE FROM c_picture`})
	a.Exec(`INSERT INTO sync_snapshots (remote, table_name, mode, rows_total, started_at) SELECT remote, table_name, 'all', 0, UTC_TIMESTAMP(6)
		FROM sync_remotes JOIN (SELECT 'c_note' AS table_name UNION ALL SELECT 'c_picture') t WHERE remote = 'node-b' ON DUPLICATE KEY UPDATE
		mode = 'all', last_key = NULL, finished_at = NULL, started_at = UTC_TIMESTAMP(6)`)
	testkit.Alike(t, `SELECT id, picture FROM c_note ORDER BY 1`, a, c)
	a.Expect(testkit.Waiting, `0`)
}
