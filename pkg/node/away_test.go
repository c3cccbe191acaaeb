package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// away lists the tables that are written while the node is away.
var away = []string{
	`CREATE TABLE dropped (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE emptied (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE rekeyed (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE initial (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE again (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE loaded (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE children (id INT PRIMARY KEY, name VARCHAR(20), parent INT, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE SET NULL)`,
	`CREATE TABLE owners (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE owned (id INT PRIMARY KEY, name VARCHAR(20), owner INT)`,
	`CREATE TABLE calm (id INT PRIMARY KEY, name VARCHAR(20))`,
}

// warnedOf returns the tables about which a node has warned, in order.
func (s *site) warnedOf(what string) []string {
	var tables []string
	for _, line := range s.Node.Log() {
		if _, fields, ok := strings.Cut(line, what); ok {
			_, name, _ := strings.Cut(fields, `"table": "`)
			name, _, _ = strings.Cut(name, `"`)
			tables = append(tables, name)
		}
	}
	slices.Sort(tables)
	return tables
}

const (
	unseenWrites  = "writes to a table may have been missed while the node was down"
	unseenDeletes = "rows vanished without firing a trigger"
)

// TestWritesWhileTheNodeIsAwayAreNotMissed writes while the triggers differ from before,
// in every possible way.
func TestWritesWhileTheNodeIsAwayAreNotMissed(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	var tables []string
	for _, q := range away {
		tables = append(tables, strings.Fields(q)[2])
	}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	a.Exec(away...)
	c.Exec(away...)
	a.Exec(`INSERT INTO initial VALUES (1, 'one'), (2, 'two')`)
	a.start()
	c.start()
	synced(a, c)
	for _, table := range tables {
		if table != "initial" {
			a.Exec(`INSERT INTO ` + table + ` (id, name) VALUES (1, 'one'), (2, 'two')`)
		}
		c.Expect(`SELECT COUNT(*) FROM `+table, `2`)
	}
	a.Exec(`UPDATE children SET parent = 1`, `UPDATE owned SET owner = 1`)
	c.Expect(`SELECT SUM(parent) FROM children`, `"2"`)
	c.Expect(`SELECT SUM(owner) FROM owned`, `"2"`)
	a.Expect(`SELECT COUNT(*) FROM sync_captured WHERE memory LIKE '%samples%'`, fmt.Sprint(len(tables)))
	var name, mode, text string
	var rest [4]any
	if err := a.DB.QueryRow(`SHOW CREATE TRIGGER mysqlSyncInsert_loaded`).Scan(&name, &mode, &text, &rest[0], &rest[1], &rest[2], &rest[3]); err != nil {
		t.Fatal(err)
	}
	a.Node.Kill()
	var killed string
	if err := a.DB.Get(&killed, `SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)`); err != nil {
		t.Fatal(err)
	}
	a.Exec(`DROP TRIGGER mysqlSyncUpdate_dropped`, `UPDATE dropped SET name = 'unseen' WHERE id = 1`, `DELETE FROM dropped WHERE id = 2`,
		`TRUNCATE emptied`,
		`ALTER TABLE rekeyed DROP PRIMARY KEY, ADD PRIMARY KEY (id, name)`, `UPDATE rekeyed SET id = 3 WHERE id = 1`, `INSERT INTO rekeyed VALUES (3, 'three')`,
		`DROP TRIGGER mysqlSyncInsert_initial`, `DROP TRIGGER mysqlSyncUpdate_initial`, `UPDATE initial SET name = 'unseen' WHERE id = 1`, `INSERT INTO initial VALUES (3, 'unseen')`,
		`DROP TABLE again`, `CREATE TABLE again (id INT PRIMARY KEY, name VARCHAR(20))`, `INSERT INTO again VALUES (1, 'one'), (3, 'unseen')`,
		`DROP TRIGGER mysqlSyncInsert_loaded`, `INSERT INTO loaded VALUES (3, 'unseen')`, text, // as a loaded dump does
		`DROP TRIGGER mysqlSyncCascadeDelete_parents`, `DELETE FROM parents WHERE id = 1`,
		`ALTER TABLE owned ADD FOREIGN KEY (owner) REFERENCES owners (id) ON DELETE SET NULL`, `DELETE FROM owners WHERE id = 1`,
		`ALTER TABLE calm ADD more INT, MODIFY name VARCHAR(30)`, `UPDATE calm SET name = 'seen' WHERE id = 1`)
	c.Exec(`ALTER TABLE rekeyed DROP PRIMARY KEY, ADD PRIMARY KEY (id, name)`, `ALTER TABLE calm ADD more INT`)
	a.start()
	for table, want := range map[string][]string{
		"dropped":  {`1|"unseen"`}, // the trigger for deletes was there
		"rekeyed":  {`1|"one"`, `2|"two"`, `3|"one"`, `3|"three"`},
		"initial":  {`1|"unseen"`, `2|"two"`, `3|"unseen"`},
		"again":    {`1|"one"`, `2|"two"`, `3|"unseen"`},
		"loaded":   {`1|"one"`, `2|"two"`, `3|"unseen"`},
		"parents":  {`2|"two"`},
		"children": {`1|"one"`, `2|"two"`},
		"calm":     {`1|"seen"`, `2|"two"`},
		"emptied":  {`1|"one"`, `2|"two"`},
	} {
		c.Expect(`SELECT id, name FROM `+table+` ORDER BY id, name`, want...)
	}
	c.Expect(`SELECT COUNT(*) FROM children WHERE parent IS NULL`, `2`)
	c.Expect(`SELECT COUNT(*) FROM owned WHERE owner IS NULL`, `2`)
	missed := []string{"again", "children", "dropped", "initial", "loaded", "owned", "rekeyed"}
	if got := a.warnedOf(unseenWrites); !slices.Equal(got, missed) {
		t.Errorf("warned of %q, want %q", got, missed)
	}
	for _, table := range []string{"again", "emptied"} {
		testkit.Eventually(t, "word of what vanished from "+table, func() error {
			if got := a.warnedOf(unseenDeletes); !slices.Contains(got, table) {
				return fmt.Errorf("warned of %q", got)
			}
			return nil
		})
	}

	// A node that ends during its first look at the tables finds them as before.
	a.Expect(fmt.Sprintf(`SELECT COUNT(*) FROM sync_captured WHERE written_at > '%s' AND table_name IN ('%s')`, killed, strings.Join(missed, "','")), fmt.Sprint(len(missed)))
	a.Node.Stop()
	a.start()
	a.Exec(`INSERT INTO calm (id, name) VALUES (3, 'flows')`)
	c.Expect(`SELECT COUNT(*) FROM calm`, `3`)
	if got := a.warnedOf(unseenWrites); len(got) != 0 {
		t.Errorf("a second start warned of %q", got)
	}
}

// TestUnsyncedTablesMissNothing starts nodes whose tables were never synced, are no
// longer synced, are again, or were by an earlier version, which recorded nothing.
func TestUnsyncedTablesMissNothing(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders", "notes"}, orders, notes)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`, `INSERT INTO notes VALUES (1, 'one')`)
	c.Expect(`SELECT id FROM orders`, `1`)
	c.Expect(`SELECT id FROM notes`, `1`)
	again := func(statements ...string) {
		t.Helper()
		a.Node.Stop()
		a.Exec(statements...)
		a.Write()
		a.Node = testkit.Node(t, a.File)
		a.Node.WaitLog("node started")
	}
	again(`DROP TABLE sync_captured`, `DELETE FROM sync_migrations WHERE number >= 10`)
	a.Config["syncTables"] = []string{"notes"}
	again()
	if got := a.warnedOf(unseenWrites); len(got) != 0 {
		t.Errorf("warned of %q", got)
	}
	a.Exec(`INSERT INTO orders VALUES (2, 'unseen', 2)`)
	a.Config["syncTables"] = []string{"orders", "notes"}
	again()
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"one"`, `2|"unseen"`)
	if got := a.warnedOf(unseenWrites); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("warned of %q", got)
	}
	a.Node.Stop()
	a.Run(0, "uninstall", "--yes")
	again(`INSERT INTO orders VALUES (3, 'before', 3)`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"one"`, `2|"unseen"`, `3|"before"`)
	if got := a.warnedOf(unseenWrites); len(got) != 0 {
		t.Errorf("warned of %q", got)
	}
}

// TestUnseenWritesAreKept writes a row at two sites, at one of them while its node is down and its trigger is missing: the
// other's write wins, and what it overwrites is kept, although nothing had given it a version.
func TestUnseenWritesAreKept(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"notes"}, `CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(20))`)
	a.Exec(`INSERT INTO notes VALUES (1, 'one'), (2, 'two')`)
	settled(t, []string{"notes"}, a, c)
	c.Node.Stop()
	c.Exec(`DROP TRIGGER mysqlSyncUpdate_notes`, `UPDATE notes SET note = 'unseen' WHERE id = 1`)
	a.Exec(`UPDATE notes SET note = 'seen' WHERE id = 1`)
	c.start()
	settled(t, []string{"notes"}, a, c)
	c.Expect(`SELECT note FROM notes ORDER BY id`, `"seen"`, `"two"`)
	c.Expect(`SELECT loser_row FROM sync_conflicts`, `"{\"id\":\"1\",\"note\":\"unseen\"}"`)
}
