package main_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// allThere lists what a schema has, except what the server creates itself.
const allThere = `SELECT COALESCE(GROUP_CONCAT(x ORDER BY x SEPARATOR '\n'), '') FROM (
	SELECT CONCAT_WS(' ', 'table', TABLE_NAME, ENGINE, TABLE_COLLATION) x FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
	UNION ALL SELECT CONCAT_WS(' ', 'column', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
	UNION ALL SELECT CONCAT_WS(' ', 'trigger', TRIGGER_NAME, ACTION_STATEMENT) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
	UNION ALL SELECT CONCAT_WS(' ', 'routine', ROUTINE_NAME) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
	UNION ALL SELECT CONCAT_WS(' ', 'event', EVENT_NAME) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
	UNION ALL SELECT CONCAT_WS(' ', 'index', TABLE_NAME, INDEX_NAME, COLUMN_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
	UNION ALL SELECT CONCAT_WS(' ', 'constraint', TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE) FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = DATABASE()) q`

// everything returns the contents of a site's schema.
func everything(t *testing.T, s *testkit.Site) (list string) {
	t.Helper()
	conn, err := s.DB.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `SET SESSION group_concat_max_len = 1000000`); err != nil {
		t.Fatal(err)
	}
	if err := conn.GetContext(t.Context(), &list, allThere); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestUninstallLeavesNoTrace(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders,
		`CREATE TABLE items (id INT PRIMARY KEY, order_id INT, FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE)`,
		`CREATE TRIGGER own BEFORE INSERT ON orders FOR EACH ROW SET NEW.name = UPPER(NEW.name)`)
	a.Config["syncTables"] = []string{"orders", "items"}
	a.Write()
	before := everything(t, a)
	has(t, a.Run(0, "uninstall", "--yes"), "Nothing created by mysql-sync is in database")
	a.Start()
	testkit.Eventually(t, "the announcement of the running node", func() error {
		if got := announced(t, b); !strings.HasPrefix(got, "/node/node-a {") {
			return fmt.Errorf("the broker retains %q", got)
		}
		return nil
	})
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'pending'`, "1")

	has(t, a.Run(0, "uninstall"), "A node is using the database", "trigger mysqlSyncInsert_orders", "trigger mysqlSyncCascadeDelete_orders", "table   sync_status, 1 row\n")
	has(t, a.Run(1, "uninstall", "--yes"), "another mysql-sync node is using this database")
	a.Node.Stop()
	has(t, a.Run(0, "uninstall"), "node-b still needs 1 row,", "Nothing was changed")
	left := parse[remains](t, a.Run(0, "uninstall", "--json"))[0]
	if left.Client != "node-a" || left.Running || left.Removed || len(left.Triggers) < 3 || len(left.Tables) != len(schema.Own) || len(left.Unsent) != 1 || left.Unsent[0].Pending != 1 {
		t.Errorf("uninstall --json printed %+v", left)
	}
	a.Exec(`DELETE FROM sync_migrations WHERE number > 1`) // as an older version left them
	has(t, a.Run(0, "uninstall"), "Nothing was changed")
	if everything(t, a) == before {
		t.Fatal("the tables are gone without --yes")
	}
	has(t, a.Run(0, "uninstall", "--yes"), "Everything was removed")
	if after := everything(t, a); after != before {
		t.Fatalf("before the first start\n%s\nafter uninstall\n%s", before, after)
	}
	if left, err := os.ReadDir(a.Config["queueDirectory"].(string)); err != nil || len(left) > 0 {
		t.Fatalf("left in queueDirectory: %v %v", left, err)
	}
	a.Expect(`SELECT name FROM orders`, `"ONE"`)
	if got := announced(t, b); got != "" {
		t.Fatalf("the broker retains %s", got)
	}
	if left := parse[remains](t, a.Run(0, "uninstall", "--yes", "--json"))[0]; left.Removed || left.Tables == nil || len(left.Tables)+len(left.Triggers)+len(left.Files) > 0 {
		t.Errorf("with nothing to do uninstall --json printed %+v", left)
	}
}

// remains is the output of uninstall --json.
type remains struct {
	Client           string
	Running, Removed bool
	Triggers, Files  []string
	Tables           []struct {
		Name string
		Rows int64
	}
	Unsent []struct {
		Remote          string
		Pending, Errors int64
	}
}

// announced returns the announcement that a newly connected client hears, if any.
func announced(t *testing.T, b *testkit.Broker) string {
	t.Helper()
	heard := make(chan string, 10)
	c := testkit.MQTTClient(t, b, "listener")
	defer c.Disconnect(100) // the next one has its name
	subscribe(t, c, "/node/+", heard)
	subscribe(t, c, "/end", heard)
	publish(t, c, "/end", "end")
	got := <-heard
	if got == "/end end" {
		return ""
	}
	return got
}

// Users write all the time, and none of their writes fails.
func TestUninstallDoesNotDisturbWriters(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	a.Start()
	a.Node.Stop()
	var wg sync.WaitGroup
	var writes atomic.Int64
	stop := make(chan struct{})
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := a.DB.Exec(`REPLACE INTO orders VALUES (?, 'x', 1)`, 1000*w+i%100); err != nil {
					t.Errorf("a write fails: %v", err)
					return
				}
				writes.Add(1)
			}
		})
	}
	more := func() {
		n := writes.Load()
		testkit.Eventually(t, "writes", func() error {
			if writes.Load() < n+50 && !t.Failed() {
				return fmt.Errorf("%d writes", writes.Load()-n)
			}
			return nil
		})
	}
	more()
	a.Run(0, "uninstall", "--yes")
	more()
	close(stop)
	wg.Wait()
}

// If it is interrupted between triggers and tables, the next call finishes the work.
func TestUninstallResumes(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	before := everything(t, a)
	a.Start()
	a.Node.Stop()
	a.Exec(`DROP TRIGGER mysqlSyncInsert_orders`, `DROP TRIGGER mysqlSyncUpdate_orders`, `DROP TRIGGER mysqlSyncDelete_orders`, `DROP TABLE table_changes`, `DROP TABLE sync_outbox`)
	has(t, a.Run(0, "uninstall"), "table   sync_versions, 0 rows")
	a.Run(0, "uninstall", "--yes")
	if after := everything(t, a); after != before {
		t.Fatalf("left:\n%s", after)
	}
}

// Tables with such names are not ours if no node has run here.
func TestUninstallLeavesOtherProgramsTables(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders, `CREATE TABLE sync_status (id INT PRIMARY KEY)`,
		`CREATE TABLE table_changes (id INT PRIMARY KEY)`, `CREATE TRIGGER mysqlSyncInsert_orders AFTER INSERT ON orders FOR EACH ROW INSERT INTO table_changes VALUES (NEW.id)`)
	before := everything(t, a)
	has(t, a.Run(0, "uninstall", "--yes"), "Nothing created by mysql-sync is in database", "belong to another program")
	if after := everything(t, a); after != before {
		t.Fatalf("gone:\n%s\nleft:\n%s", before, after)
	}
}

// A user without DROP changes nothing, and is told which privilege is missing.
func TestUninstallNamesTheMissingPrivilege(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders, `SET GLOBAL log_bin_trust_function_creators = 1`)
	user := "drop_" + a.Schema
	a.Exec(fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY 'Secret-1'", user),
		fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, TRIGGER, LOCK TABLES ON %s.* TO %s@'%%'", a.Schema, user))
	login := a.Config["mysqlConfig"].(map[string]any)
	login["user"], login["password"] = user, "Secret-1"
	a.Write()
	a.Start()
	a.Node.Stop()
	before := everything(t, a)
	has(t, a.Run(1, "uninstall", "--yes"), "nothing was removed", "privilege DROP")
	if after := everything(t, a); after != before {
		t.Fatalf("before\n%s\nafter\n%s", before, after)
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(`SELECT COUNT(*) FROM table_changes`, "1") // the triggers remain
	for _, own := range schema.Own {
		a.Exec(fmt.Sprintf("GRANT DROP ON %s.%s TO %s@'%%'", a.Schema, own, user)) // the same as on the database
	}
	a.Run(0, "uninstall", "--yes")
	a.Exec(`INSERT INTO orders VALUES (2, 'two', 2)`)
}
