package mysqldb_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// patient opens sessions that would wait for a lock for longer than the test takes.
var patient = []config.Variable{{Name: "innodb_lock_wait_timeout", Value: 10_000}, {Name: "lock_wait_timeout", Value: 10_000}}

// TestAtOnceWaitsForNoLock has another session hold a lock that a statement needs without ever releasing it.
func TestAtOnceWaitsForNoLock(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	for _, fenced := range []bool{false, true} {
		schema := server.Create(t)
		user := server.Open(t, schema)
		testkit.Exec(t, user, `CREATE TABLE items (id INT PRIMARY KEY, u INT UNIQUE, v INT)`, `CREATE TABLE lines_of (id INT PRIMARY KEY, item INT, FOREIGN KEY (item) REFERENCES items (id))`,
			`CREATE TABLE other (id INT PRIMARY KEY, v INT)`, `INSERT INTO items VALUES (1, 1, 1), (5, 5, 5)`)
		db := server.Connect(t, schema, patient...)
		if fenced {
			db.Fence(`SELECT 1`, func() {})
		}
		try := func(statement string) error {
			return mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
				_, err := db.AtOnce(tx).ExecContext(t.Context(), statement)
				return err
			})
		}
		for name, c := range map[string]struct {
			held  []string
			needs string
		}{
			"a row":            {[]string{`BEGIN`, `UPDATE items SET v = 2 WHERE id = 1`}, `UPDATE items SET v = 3 WHERE id = 1`},
			"a new row":        {[]string{`BEGIN`, `INSERT INTO items VALUES (3, 3, 3)`}, `INSERT INTO items VALUES (3, 4, 4)`},
			"a unique value":   {[]string{`BEGIN`, `INSERT INTO items VALUES (3, 3, 3)`}, `INSERT INTO items VALUES (4, 3, 4)`},
			"a gap":            {[]string{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `BEGIN`, `SELECT * FROM items WHERE id > 1 FOR UPDATE`}, `INSERT INTO items VALUES (3, 3, 3)`},
			"a parent":         {[]string{`BEGIN`, `UPDATE items SET id = 6 WHERE id = 5`}, `INSERT INTO lines_of VALUES (1, 5)`},
			"a table to read":  {[]string{`LOCK TABLES items READ`}, `UPDATE items SET v = 3 WHERE id = 1`},
			"a table to write": {[]string{`LOCK TABLES items WRITE`}, `UPDATE items SET v = 3 WHERE id = 1`},
			"a definition":     {[]string{`BEGIN`, `SELECT * FROM items`}, `ALTER TABLE items COMMENT = 'x'`},
		} {
			conn, err := user.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			testkit.Exec(t, conn, c.held...)
			if err := try(c.needs); !mysqldb.LockTimeout(err) || mysqldb.Waited(err) == db.MariaDB {
				t.Errorf("%s, fenced %v: %v", name, fenced, err)
			}
			if err := try(`INSERT INTO other VALUES (1, 1)`); err != nil {
				t.Errorf("after %s, fenced %v: %v", name, fenced, err)
			}
			testkit.Exec(t, conn, `ROLLBACK`, `UNLOCK TABLES`)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			testkit.Exec(t, user, `DELETE FROM other WHERE id = 1`)
		}
	}
}

// TestAtOnceNeedsNoPrivilege waits with a login that sees only its own schema.
func TestAtOnceNeedsNoPrivilege(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Open(t, schema)
	testkit.Exec(t, user, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`, `CREATE USER least_`+schema+`@'%' IDENTIFIED BY 'Secret-1'`,
		`GRANT SELECT, INSERT ON `+schema+`.* TO least_`+schema+`@'%'`)
	db, err := mysqldb.Open(t.Context(), zap.NewNop(), config.MySQL{Host: server.Host, Port: server.Port, User: "least_" + schema, Password: "Secret-1", Database: schema}, patient...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, held := range [][]string{{`LOCK TABLES items READ`}, {`BEGIN`, `INSERT INTO items VALUES (1, 1)`}} {
		conn, err := user.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, conn, held...)
		if _, err := db.AtOnce(db).ExecContext(t.Context(), `INSERT INTO items VALUES (1, 2)`); !mysqldb.LockTimeout(err) {
			t.Errorf("%q: %v", held, err)
		}
		testkit.Exec(t, conn, `ROLLBACK`, `UNLOCK TABLES`)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestASlowStatementIsNotMistakenForAWaitingOne runs slow statements while another session waits for a lock.
func TestASlowStatementIsNotMistakenForAWaitingOne(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Open(t, schema)
	testkit.Exec(t, user, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`, `CREATE TABLE other (id INT PRIMARY KEY, v INT)`, `INSERT INTO items VALUES (1, 1)`)
	holder, err := user.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, holder, `BEGIN`, `UPDATE items SET v = 2`)
	waits := make(chan error, 1)
	go func() {
		_, err := user.ExecContext(context.Background(), `UPDATE items SET v = 3`)
		waits <- err
	}()
	testkit.Eventually(t, "somebody to wait", func() error {
		var n int
		err := user.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'UPDATE items%'`).Scan(&n)
		if err == nil && n == 0 {
			err = errors.New("nobody waits")
		}
		return err
	})
	db := server.Connect(t, schema, patient...)
	if _, err := db.AtOnce(db).ExecContext(t.Context(), `INSERT INTO other SELECT 7, SLEEP(0.4)`); err != nil {
		t.Error(err)
	}
	testkit.Exec(t, holder, `ROLLBACK`)
	if err := <-waits; err != nil {
		t.Error(err)
	}
}
