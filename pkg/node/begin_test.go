package node_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestARestartPreventedByAMistakeIsCaughtUp changes a key's collation while the file has a mistake: the node
// restarts with its current configuration.
func TestARestartPreventedByAMistakeIsCaughtUp(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"words"}, "CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)")
	c.Exec("INSERT INTO words VALUES ('bob', 1)")
	a.Expect("SELECT w, v FROM words", `"bob"|1`)
	rest(a, c)
	if err := os.WriteFile(a.File, []byte(`{"clientName": `), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Exec("ALTER TABLE words MODIFY w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	c.Node.WaitLog("rows are told apart.*utf8mb4_bin")
	a.Exec("ALTER TABLE words MODIFY w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	a.Node.WaitLog("rows are told apart.*utf8mb4_bin")
	a.Exec("UPDATE words SET v = 2 WHERE w = 'bob'") // it knows node-b's write
	c.Expect("SELECT w, v FROM words", `"bob"|2`)
	if got, err := c.Rows("SELECT loser_row, winner_row FROM sync_conflicts"); err != nil || got != "" {
		t.Errorf("a write that follows another counts as a conflict: %s %v", got, err)
	}
}

// TestStartWaitsForADatabaseThatGoesAway cuts the connection to the database at many points of a start.
func TestStartWaitsForADatabaseThatGoesAway(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	for i := range 12 {
		a := newSite(t, b, fmt.Sprintf("node-%d", i), []string{"node-x"}, []string{"orders"}, nil)
		a.Exec(orders)
		line := a.Through("mysqlConfig", a.Server.Addr())
		a.Node = testkit.Node(t, a.Write())
		time.Sleep(time.Duration(20+24*i) * time.Millisecond)
		line.CloseAll()
		ended := ""
		testkit.Eventually(t, "started or ended", func() error {
			for _, l := range a.Node.Log() {
				if strings.Contains(l, "node started") {
					return nil
				}
				if strings.HasPrefix(l, "mysql-sync: ") {
					ended = l
					return nil
				}
			}
			return fmt.Errorf("neither")
		})
		if ended != "" {
			t.Errorf("cut after %d ms: ended: %s", 20+24*i, ended)
		}
		a.Node.Kill()
	}
}

// TestOwnTablesLockedAtStart lets a dump lock the own tables while the node starts.
func TestOwnTablesLockedAtStart(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	for _, name := range []string{"table_changes", "sync_versions", "sync_remotes", "sync_node", "sync_captured", "sync_snapshots", "sync_clients", "sync_doubts", "sync_spellings", "sync_outbox", "sync_migrations", "sync_noted", "sync_kept"} {
		a.Stop()
		release := a.hold(`LOCK TABLES ` + name + ` WRITE`)
		a.Node.Start()
		time.Sleep(1500 * time.Millisecond)
		release()
		a.Node.WaitLog("node started|^mysql-sync: ")
		for _, l := range a.Node.Log() {
			if strings.HasPrefix(l, "mysql-sync: ") {
				t.Errorf("%s held: %s", name, l)
				a.Node.Start()
				a.Node.WaitLog("node started")
			}
		}
		a.Exec(fmt.Sprintf(`REPLACE INTO orders VALUES (1, '%s', 1)`, name))
		c.Expect(`SELECT name FROM orders`, fmt.Sprintf("%q", name))
	}
}

// TestOwnTablesThatWereDropped drops own tables while the node is down: a start recreates the triggers' table and sends what may have
// been missed, or fails and names the missing table.
func TestOwnTablesThatWereDropped(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	a, c := pair(t, testkit.AnyBroker(t), []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT id FROM orders`, `1`)
	look := func() string {
		got, err := a.Rows("SELECT COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, COLUMN_KEY, EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'table_changes' ORDER BY ORDINAL_POSITION")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	form := look()
	a.Node.Kill()
	a.Exec(`INSERT INTO orders VALUES (2, 'two', 1)`, `DROP TABLE table_changes`)
	a.Node.Start()
	a.Node.WaitLog("node started")
	c.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`)
	a.Exec(`INSERT INTO orders VALUES (3, 'three', 1)`)
	c.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`, `3`)
	if got := look(); got != form {
		t.Errorf("it was recreated as\n%s\nwant\n%s", got, form)
	}
	// While the node runs, users' writes fail until it has noticed.
	a.Exec(`DROP TABLE table_changes`)
	a.Node.WaitLog("table_changes was dropped and is being created again")
	testkit.Eventually(t, "writes succeed again", func() error {
		_, err := a.DB.Exec(`INSERT INTO orders VALUES (4, 'four', 1)`)
		return err
	})
	c.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`, `3`, `4`)
	if got := look(); got != form {
		t.Errorf("it was recreated as\n%s\nwant\n%s", got, form)
	}
	a.Stop()
	a.Exec(`DROP TABLE sync_outbox, sync_kept`)
	a.Node.Start()
	a.Node.WaitLog("own tables are missing from database .*: sync_outbox, sync_kept: restore them")
}
