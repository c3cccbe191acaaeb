package check_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestUnreachableDatabase(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders)
	m := s.Block("mysqlConfig")
	right := m["user"]
	m["user"], m["password"] = "nobody", "Secret-3"
	f := s.check(1)
	f.has(finding.Mistake, "mysqlConfig", "Access denied for user 'nobody'", "Correct mysqlConfig.user")
	f.has(finding.Right, b.Addr(), "works") // the rest is checked all the same
	if strings.Contains(f.text, "Secret-3") {
		t.Errorf("the password is in the output:\n%s", f.text)
	}
	m["user"], m["password"], m["database"] = right, "", "nowhere"
	s.check(1).has(finding.Mistake, "mysqlConfig", "Unknown database", "CREATE DATABASE `nowhere`")
	m["database"] = s.Schema
	s.user("outside")
	s.check(1).has(finding.Mistake, "mysqlConfig", "Access denied", "GRANT SELECT, INSERT")
	m["port"] = testkit.FreePort(t)
	s.check(1).has(finding.Mistake, "mysqlConfig", "connect", "Check that the server is running")
}

// TestSuggestedStatementsGrantThePrivileges runs the statements that check suggests until it suggests no more.
func TestSuggestedStatementsGrantThePrivileges(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.Exec(`SET GLOBAL log_bin_trust_function_creators = 1`)
	s.user("poor", "SELECT ON "+s.Schema+".*", "INSERT ON "+s.Schema+".orders")
	f := s.check(1)
	f.has(finding.Right, "SELECT")
	f.has(finding.Mistake, "INSERT", "lacks it on table_changes")
	f.has(finding.Mistake, "TRIGGER", "lacks it on database "+s.Schema, "no change would be captured", "GRANT TRIGGER ON ")
	f.has(finding.Mistake, "LOCK TABLES", "would not start")
	wrong := f.in(finding.Mistake, check.AreaPrivileges)
	if len(wrong) != 7 {
		t.Errorf("%d mistakes:\n%s", len(wrong), f.text)
	}
	for _, x := range wrong {
		s.Exec(strings.TrimSuffix(x.Do, ";"))
	}
	if f = s.check(0); len(f.in(finding.Right, check.AreaPrivileges)) < 8 {
		t.Errorf("not all privileges are right:\n%s", f.text)
	}
	s.start()
}

// TestSettingsOfTheServer has its own server, whose settings it breaks.
func TestSettingsOfTheServer(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	server := testkit.Server(t, "--log-bin=binlog", "--server-id=1", "--max-connections=30")
	s := newSite(t, server, b, orders)
	s.Exec(`ALTER DATABASE `+s.Schema+` CHARACTER SET latin1`, `SET GLOBAL log_bin_trust_function_creators = 0`)
	s.check(0).has(finding.Right, "log_bin_trust_function_creators", "is not needed: ")
	s.user("small", whole+" ON "+s.Schema+".*")
	f := s.check(1)
	f.has(finding.Mistake, "log_bin_trust_function_creators", "1419", "SET GLOBAL")
	f.has(finding.Warning, "max_connections", "30")
	f.has(finding.Warning, "character set", "latin1", "ALTER DATABASE")
	f.has(finding.Right, "version")
	s.Exec(`SET GLOBAL log_bin_trust_function_creators = 1`, `SET GLOBAL binlog_format = 'STATEMENT'`)
	f = s.check(1)
	f.has(finding.Mistake, "binlog_format", "1665", "GRANT ", " ON *.* TO 'small", "SET GLOBAL binlog_format")
	for _, x := range f.in(finding.Mistake, check.AreaDatabase) {
		s.Exec(strings.Split(x.Do, ";")[0])
	}
	s.check(0).has(finding.Right, "binlog_format", "sessions log rows")
	s.Exec(`SET GLOBAL binlog_format = 'MIXED'`, `SET GLOBAL max_allowed_packet = 2097152`)
	f = s.check(0)
	f.has(finding.Right, "log_bin_trust_function_creators", "is set")
	f.has(finding.Warning, "max_allowed_packet", "2097152")
	s.Exec(`SET GLOBAL max_allowed_packet = 65536`, `SET GLOBAL read_only = 1`)
	f = s.check(1)
	f.has(finding.Mistake, "max_allowed_packet", "65536")
	f.has(finding.Mistake, "read_only", "accepts no writes")
	s.Block("mysqlConfig")["user"], s.Block("mysqlConfig")["password"] = server.User, server.Password
	s.check(1).has(finding.Warning, "read_only", "though not for this user")
}

func TestClockOfTheDatabaseServer(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	server := testkit.MariaDB(t)
	s := newSite(t, server, b, orders)
	s.check(0).has(finding.Right, "clock", "the database server")
	clock := testkit.NewClock(t)
	clock.Set(-time.Hour)
	clock.Server(server)
	s.check(0).has(finding.Warning, "clock", "1h0m0s behind", "NTP")
	clock.Set(48 * time.Hour)
	testkit.Eventually(t, "the server to use the clock", func() error {
		return s.DB.Ping()
	})
	server.Stop()
	server.Start()
	s.check(1).has(finding.Mistake, "clock", "ahead", "refused by the others")
}

// TestTriggersOfADroppedUser checks that the triggers of a dropped user are reported, and that the
// advice, to start the node, fixes it.
func TestTriggersOfADroppedUser(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	server := testkit.Shared(t)
	s := newSite(t, server, b, orders)
	s.Exec(`SET GLOBAL log_bin_trust_function_creators = 1`)
	s.check(0).has(finding.Right, "triggers", "first start")
	s.user("first", whole+" ON "+s.Schema+".*")
	first := s.Block("mysqlConfig")["user"].(string)
	if code := s.start().Stop(); code != 0 {
		t.Fatalf("node exit code: %d", code)
	}
	s.check(0).has(finding.Right, "definer")
	s.user("second", whole+" ON "+s.Schema+".*")
	s.check(0).has(finding.Warning, "definer", "'"+first+"'@'%'", "may not see")
	s.Exec("DROP USER " + first + "@'%'")
	if _, err := s.DB.Exec(`INSERT INTO orders VALUES (1, 'one')`); err == nil {
		t.Error("triggers of a dropped user do not fail")
	}
	second := s.Block("mysqlConfig")["user"]
	s.Block("mysqlConfig")["user"], s.Block("mysqlConfig")["password"] = server.User, server.Password
	s.check(1).has(finding.Mistake, "definer", "'"+first+"'@'%'", "1449", "Start the node")
	s.Block("mysqlConfig")["user"], s.Block("mysqlConfig")["password"] = second, "Secret-1"
	s.start()
	s.check(0).has(finding.Right, "definer")
	s.Exec(`INSERT INTO orders VALUES (1, 'one')`)
}

func TestTables(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	server := testkit.Shared(t)
	other := server.Create(t)
	s := newSite(t, server, b, orders,
		`CREATE TABLE keyless (id INT)`,
		`CREATE VIEW seen AS SELECT * FROM orders`,
		`CREATE TABLE plain (id INT PRIMARY KEY) ENGINE = MyISAM`,
		`CREATE TABLE parents (id INT PRIMARY KEY)`,
		`CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY held (parent) REFERENCES parents (id) ON DELETE CASCADE)`,
		`CREATE TABLE notes (id INT PRIMARY KEY, child INT, FOREIGN KEY noted (child) REFERENCES children (id))`,
		`CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(50) UNIQUE, n INT, twice INT AS (n * 2) VIRTUAL, hidden INT INVISIBLE)`,
		`CREATE TABLE ring_one (id INT PRIMARY KEY, two INT)`,
		`CREATE TABLE ring_two (id INT PRIMARY KEY, one INT, FOREIGN KEY (one) REFERENCES ring_one (id) ON DELETE CASCADE)`,
		`ALTER TABLE ring_one ADD CONSTRAINT back FOREIGN KEY (two) REFERENCES ring_two (id) ON DELETE CASCADE`,
		`CREATE TABLE old (id VARCHAR(300) CHARACTER SET latin1 PRIMARY KEY)`,
		`CREATE TRIGGER count_orders AFTER INSERT ON orders FOR EACH ROW SET @count = 1`)
	if _, err := server.Open(t, other).Exec(`CREATE TABLE places (id INT PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	s.Exec(`CREATE TABLE away (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES ` + other + `.places (id))`)
	all := []string{"orders", "keyless", "seen", "missing", "plain", "children", "counted", "old", "away", "ring_one", "ring_two"}
	s.Config["syncTables"], s.Config["receiveTables"] = all, all
	f := s.check(1)
	f.has(finding.Mistake, "keyless", "no primary key", "Give it a primary key")
	f.has(finding.Mistake, "seen", "view")
	f.has(finding.Mistake, "missing", "does not exist", "Create the table")
	f.has(finding.Mistake, "plain", "MyISAM", "ENGINE = InnoDB")
	f.has(finding.Warning, "children", "refers to parents", "syncTables and receiveTables", "CASCADE) is captured")
	f.has(finding.Warning, "children", "stays here while rows of notes")
	f.has(finding.Warning, "counted", "AUTO_INCREMENT")
	f.has(finding.Right, "counted", "(email) is unique", "computes twice itself", "hidden is sent although it is invisible")
	f.has(finding.Right, "old", "id (latin1)", "255 characters")
	f.has(finding.Warning, "ring_one", "ring_one.back are not captured", "ring")
	f.has(finding.Warning, "away", "in another database")
	f.has(finding.Warning, "orders", "count_orders")
	if n := len(f.in(finding.Mistake, check.AreaTables)); n != 4 {
		t.Errorf("%d tables are mistakes:\n%s", n, f.text)
	}
	s.Config["syncTables"], s.Config["receiveTables"], s.Config["foreignKeyConflict"] = []string{"orders"}, []string{"parents"}, "cascade"
	f = s.check(0)
	f.has(finding.Warning, "parents", "is refused here while rows of children", "receiveTables, or to cascadeTables")
	f.has(finding.Warning, "parents", "is refused here while rows of notes")
	s.Config["cascadeTables"] = []string{"children"}
	f = s.check(0)
	f.has(finding.Warning, "parents", "changes rows of children here", "cascadeTables allows it")
	f.has(finding.Warning, "parents", "is refused here while rows of notes")
	delete(s.Config, "foreignKeyConflict")
	delete(s.Config, "cascadeTables")
	s.Config["syncTables"], s.Config["receiveTables"] = []string{"parents", "children", "notes"}, []string{"parents", "children", "notes"}
	if f = s.check(0); len(f.in(finding.Warning, check.AreaTables)) > 0 {
		t.Errorf("tables synced with their parents get warnings:\n%s", f.text)
	}
}

func TestOwnTablesOfAnotherVersion(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders, `CREATE TABLE table_changes (day DATE PRIMARY KEY)`)
	s.check(1).has(finding.Mistake, "own tables", "does not belong to mysql-sync", "rename it")
	s.Exec(`DROP TABLE table_changes`)
	s.start().Stop()
	s.check(0)
	s.Exec(`INSERT INTO sync_migrations VALUES (9999, NOW())`)
	s.check(1).has(finding.Mistake, "own tables", "9999", "run the newer version")
}
