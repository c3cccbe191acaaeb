package trigger_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// install installs the triggers of the named tables and no others.
func install(t *testing.T, db *mysqldb.DB, names ...string) []*schema.Table {
	t.Helper()
	tables := make([]*schema.Table, len(names))
	for i, n := range names {
		var err error
		if tables[i], err = schema.Read(t.Context(), db, db.Name, n); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := schema.Ancestry(t.Context(), db, db.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := trigger.New(zap.NewNop(), db, trigger.Config{}).Arm(t.Context(), tables, keys); err != nil {
		t.Fatal(err)
	}
	return tables
}

// list returns the one column of a query.
func list(t *testing.T, db *mysqldb.DB, query string, args ...any) []string {
	t.Helper()
	got := []string{}
	if err := db.SelectContext(t.Context(), &got, query, args...); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return got
}

func triggerNames(t *testing.T, db *mysqldb.DB) []string {
	t.Helper()
	return list(t, db, `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY TRIGGER_NAME`, db.Name)
}

func changed(t *testing.T, db *mysqldb.DB) []string {
	t.Helper()
	return list(t, db, `SELECT CONCAT(table_name, ' ', primary_key) FROM table_changes ORDER BY id`)
}

// users opens a pool of the user's own sessions, with the server's defaults.
func users(t *testing.T, db *mysqldb.DB) *sqlx.DB {
	t.Helper()
	return testkit.Shared(t).Open(t, db.Name)
}

func TestStaleTriggersAreReplacedAndCorrectOnesStay(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)",
		"CREATE TRIGGER mysqlSyncOld AFTER INSERT ON a FOR EACH ROW SET @x = 1",
		"CREATE TRIGGER mysqlSyncInsert_b BEFORE INSERT ON b FOR EACH ROW SET @x = 1",
		"CREATE TRIGGER mine AFTER INSERT ON a FOR EACH ROW SET @x = 1")
	install(t, db, "a", "b")
	want := []string{"mine", "mysqlSyncDelete_a", "mysqlSyncDelete_b", "mysqlSyncInsert_a", "mysqlSyncInsert_b", "mysqlSyncUpdate_a", "mysqlSyncUpdate_b"}
	if got := triggerNames(t, db); !slices.Equal(got, want) {
		t.Fatalf("triggers %q, want %q", got, want)
	}
	const created = `SELECT CONCAT(TRIGGER_NAME, ' ', CREATED, ' ', ACTION_TIMING, ' ', ACTION_STATEMENT) FROM information_schema.TRIGGERS
		WHERE TRIGGER_SCHEMA = ? ORDER BY TRIGGER_NAME`
	before := list(t, db, created, db.Name)
	install(t, db, "a", "b")
	if got := list(t, db, created, db.Name); !slices.Equal(got, before) {
		t.Errorf("correct triggers were recreated:\n%q\n%q", before, got)
	}
	install(t, db, "b")
	if got := triggerNames(t, db); !slices.Equal(got, []string{"mine", "mysqlSyncDelete_b", "mysqlSyncInsert_b", "mysqlSyncUpdate_b"}) {
		t.Errorf("triggers after a was removed: %q", got)
	}
}

func TestEveryStatementIsRecorded(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id VARCHAR(9) PRIMARY KEY, n INT) CHARACTER SET latin1")
	install(t, db, "t")
	user := users(t, db)
	for _, step := range []struct {
		statement string
		want      []string
	}{
		{"INSERT INTO t VALUES ('1', 1), ('2', 2), ('ä', 3)", []string{"t 1", "t 2", "t ä"}},
		{"UPDATE t SET n = 5 WHERE id = '1'", []string{"t 1"}},
		{"UPDATE t SET id = 'A' WHERE id = '2'", []string{"t 2", "t A"}},
		{"UPDATE t SET id = 'a' WHERE id = 'A'", []string{"t A", "t a"}}, // two spellings of one key
		{"INSERT INTO t VALUES ('1', 7) ON DUPLICATE KEY UPDATE n = 8", []string{"t 1"}},
		{"DELETE FROM t WHERE id IN ('1', 'ä')", []string{"t 1", "t ä"}},
		{"UPDATE t SET n = 1 WHERE id = 'not there'", []string{}},
	} {
		if _, err := user.Exec(step.statement); err != nil {
			t.Fatalf("%s: %v", step.statement, err)
		}
		if got := changed(t, db); !slices.Equal(got, step.want) {
			t.Errorf("%s: recorded %q, want %q", step.statement, got, step.want)
		}
		testkit.Exec(t, db, "DELETE FROM table_changes")
	}
}

func TestTriggersAreSilentDuringApply(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)",
		"CREATE TRIGGER mine AFTER INSERT ON t FOR EACH ROW INSERT INTO u VALUES (NEW.id)")
	install(t, db, "t", "u")
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	testkit.Exec(t, conn, "SET "+trigger.Applying+" = 't'", "INSERT INTO t VALUES (1)")
	if got := changed(t, db); !slices.Equal(got, []string{"u 1"}) {
		t.Errorf("recorded %q, want what the user's own trigger wrote", got)
	}
}

// TestCascadesAreSilentDuringApply deletes and re-keys a parent as apply does, then a parent that
// the user's own trigger deletes meanwhile.
func TestCascadesAreSilentDuringApply(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE p (id INT PRIMARY KEY)",
		"CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TRIGGER mine AFTER INSERT ON t FOR EACH ROW DELETE FROM p WHERE id = NEW.id")
	install(t, db, "p", "c", "t")
	testkit.Exec(t, db, "INSERT INTO p VALUES (1), (2), (3)", "INSERT INTO c VALUES (10, 1), (20, 2), (30, 3)", "DELETE FROM table_changes")
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	testkit.Exec(t, conn, "SET "+trigger.Applying+" = 'p'", "DELETE FROM p WHERE id = 1", "UPDATE p SET id = 4 WHERE id = 2")
	if got := changed(t, db); len(got) != 0 {
		t.Errorf("recorded %q, want nothing", got)
	}
	testkit.Exec(t, conn, "SET "+trigger.Applying+" = 't'", "INSERT INTO t VALUES (3)")
	if got := changed(t, db); !slices.Equal(got, []string{"c 30", "p 3"}) {
		t.Errorf("recorded %q, want what the user's own trigger deleted", got)
	}
}

func TestTablesMayHaveAnyName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 63)
	names := []string{long + "1", long + "2", "it's a \\ `table`, \"yes\""}
	db := testkit.OwnSchema(t)
	for _, n := range names {
		testkit.Exec(t, db, "CREATE TABLE "+mysqldb.Quote(n)+" (`the 'key'` INT PRIMARY KEY)")
	}
	install(t, db, names...)
	want := []string{}
	for _, n := range names {
		testkit.Exec(t, db, "INSERT INTO "+mysqldb.Quote(n)+" VALUES (1)")
		want = append(want, n+" 1")
	}
	if got := changed(t, db); !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
	before := triggerNames(t, db)
	if len(before) != 9 {
		t.Errorf("triggers %q, want 9", before)
	}
	install(t, db)
	if got := triggerNames(t, db); len(got) != 0 {
		t.Errorf("%q stay", got)
	}
}

// TestTriggersFollowASwappedTable does what online schema change tools do: the old table keeps the
// triggers, with the names meant for the new table's.
func TestTriggersFollowASwappedTable(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	install(t, db, "t")
	testkit.Exec(t, db, "CREATE TABLE t_new (id INT PRIMARY KEY, n INT)", "RENAME TABLE t TO t_old, t_new TO t")
	install(t, db, "t")
	testkit.Exec(t, db, "INSERT INTO t VALUES (1, 1)", "INSERT INTO t_old VALUES (2)")
	if got := changed(t, db); !slices.Equal(got, []string{"t 1"}) {
		t.Errorf("recorded %q", got)
	}
}

// TestNoWriteSlipsThroughWhileTriggersAreReplaced writes continuously while wrong triggers are
// replaced again and again. Promise 1.
func TestNoWriteSlipsThroughWhileTriggersAreReplaced(t *testing.T) {
	t.Parallel()
	const writers, rounds = 3, 8
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)")
	install(t, db, "t")
	user := users(t, db)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var written atomic.Int64
	ended := make(chan error, writers)
	for range writers {
		go func() {
			for ctx.Err() == nil {
				if _, err := user.Exec("INSERT INTO t VALUES (NULL)"); err != nil {
					ended <- err
					return
				}
				written.Add(1)
			}
			ended <- nil
		}()
	}
	table := install(t, db, "t")[0]
	for round := range rounds {
		// Another key expression makes other triggers, as after a change of the key.
		as := *table
		if round%2 == 0 {
			as.Columns = slices.Clone(table.Columns)
			as.Columns[0].Zerofill = true
		}
		before := written.Load()
		if err := trigger.New(zap.NewNop(), db, trigger.Config{}).Arm(t.Context(), []*schema.Table{&as}, nil); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "writes after the triggers were replaced", func() error {
			if written.Load() < before+20 {
				return fmt.Errorf("%d were written", written.Load()-before)
			}
			return nil
		})
	}
	stop()
	for range writers {
		if err := <-ended; err != nil {
			t.Errorf("a user's write failed: %v", err)
		}
	}
	missed := list(t, db, `SELECT id FROM t WHERE NOT EXISTS (SELECT * FROM table_changes c WHERE c.primary_key = CAST(t.id AS BINARY))`)
	if len(missed) > 0 {
		t.Errorf("%d writes, %d not recorded: %q", written.Load(), len(missed), missed)
	}
}
