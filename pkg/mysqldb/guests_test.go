package mysqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// guests opens a pool on its own schema with a table t.
func guests(t *testing.T) (*mysqldb.Guests, *sql.DB) {
	t.Helper()
	server := testkit.Shared(t)
	name := server.Create(t)
	g, err := mysqldb.OpenGuests(config.MySQL{Host: server.Host, Port: server.Port, User: server.User, Password: server.Password,
		Database: name, ConnectTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	db := server.Open(t, name)
	for _, q := range []string{`CREATE TABLE t (id INT NOT NULL PRIMARY KEY, name VARCHAR(20))`, `INSERT INTO t VALUES (1, 'one')`,
		`CREATE FUNCTION careless() RETURNS INT DETERMINISTIC BEGIN SET SESSION sort_buffer_size = 1048576, @left = 7; RETURN 1; END`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return g, db.DB
}

// one returns the only value of a query as text.
func one(t *testing.T, query func(context.Context, string, string, func(*sql.Rows) error) error, statement string) string {
	t.Helper()
	var text string
	err := query(t.Context(), "guest", statement, func(rows *sql.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return text
}

const state = `SELECT CONCAT_WS('|', DATABASE(), @@sql_mode, @@character_set_client, @@collation_connection, @@time_zone, @@autocommit,
	@@innodb_lock_wait_timeout, @@foreign_key_checks, @@sort_buffer_size, COALESCE(@left, '-'), LAST_INSERT_ID())`

func TestGuestLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	g, db := guests(t)
	before := one(t, g.Query, state)
	if !strings.Contains(before, "STRICT_ALL_TABLES") || !strings.Contains(before, "utf8mb4_bin|+00:00|") {
		t.Fatal("a session begins with", before)
	}
	nothing := func(*sql.Rows) error { return nil }
	for _, statement := range []string{
		`SET sql_mode = 'NO_BACKSLASH_ESCAPES'`,
		`SET NAMES latin1`,
		`SET SESSION time_zone = '+05:00', foreign_key_checks = 0`,
		`SET autocommit = 0`,
		`USE mysql`,
		`SELECT careless()`,
		`SELECT @left := 5`,
		`INSERT INTO t VALUES (LAST_INSERT_ID(99), careless())`,
		`LOCK TABLES t WRITE`,
		`START TRANSACTION`,
		`CREATE TEMPORARY TABLE t2 (id INT)`,
		`SELECT GET_LOCK('guest', 0)`,
		`SELECT id FROM t FOR UPDATE`,
		`/* hidden */ SET @left = 1`,
	} {
		if err := g.Query(t.Context(), "guest", statement, nothing); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		// Whichever session comes next, all of them are checked.
		var all errgroup.Group
		for range 4 {
			all.Go(func() error {
				return g.Query(t.Context(), "guest", state, func(rows *sql.Rows) error {
					rows.Next()
					var after string
					if err := rows.Scan(&after); err != nil {
						return err
					}
					if after != before {
						t.Errorf("after %s a session has\n%s\nwant\n%s", statement, after, before)
					}
					return nil
				})
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	// Nothing stays locked: neither the table, nor its rows, nor a named lock.
	if _, err := db.Exec(`UPDATE t SET name = 'free' WHERE id = 1`); err != nil {
		t.Error(err)
	}
	var free int
	if err := db.QueryRow(`SELECT IS_FREE_LOCK('guest')`).Scan(&free); err != nil || free != 1 {
		t.Error("the lock is still held", err)
	}
}

func TestGuestsThatReadWriteNothing(t *testing.T) {
	t.Parallel()
	g, db := guests(t)
	if _, err := db.Exec(`CREATE PROCEDURE sly() BEGIN COMMIT; INSERT INTO t VALUES (3, 'sly'); END`); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`INSERT INTO t VALUES (2, 'two')`, `DROP TABLE t`, `CALL sly()`} {
		err := g.Read(t.Context(), "guest", statement, func(*sql.Rows) error { return nil })
		if mysqldb.Number(err) != 1792 {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if got := one(t, g.Read, `SELECT GROUP_CONCAT(id) FROM t`); got != "1" {
		t.Error("the table has", got)
	}
	if err := g.Query(t.Context(), "guest", `INSERT INTO t VALUES (2, 'two')`, func(*sql.Rows) error { return nil }); err != nil {
		t.Error("the next session:", err)
	}
}

// Reconnecting for each statement of a script would cost ten times as much as the statement.
func TestGuestsKeepTheirConnections(t *testing.T) {
	t.Parallel()
	g, _ := guests(t)
	sessions := map[string]bool{}
	for range 20 {
		sessions[one(t, g.Query, `SELECT CONNECTION_ID()`)] = true
	}
	if len(sessions) > 5 { // a session whose reset fails is closed
		t.Fatalf("20 statements used %d sessions", len(sessions))
	}
}

// TestGreedyGuestsLeaveSessionsToOthers: two guests wait for a lock in as many sessions as they can get.
func TestGreedyGuestsLeaveSessionsToOthers(t *testing.T) {
	t.Parallel()
	g, db := guests(t)
	nothing := func(*sql.Rows) error { return nil }
	holder, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if _, err := holder.ExecContext(t.Context(), `SELECT GET_LOCK(CONCAT('greed', DATABASE()), 0)`); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all errgroup.Group
	for i := range 60 {
		all.Go(func() error {
			_ = g.Query(ctx, []string{"one", "two"}[i%2], `DO GET_LOCK(CONCAT('greed', DATABASE()), 600)`, nothing)
			return nil
		})
	}
	testkit.Eventually(t, "eight sessions to wait", func() error {
		var n int
		err := db.QueryRow(`SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND STATE = 'User lock'`).Scan(&n)
		if err == nil && n < 8 {
			err = fmt.Errorf("%d wait", n)
		}
		return err
	})
	for _, other := range []string{"three", "four"} {
		in, cancel := context.WithTimeout(t.Context(), time.Minute) // only a failure takes that long
		if err := g.Query(in, other, `SELECT 1`, nothing); err != nil {
			t.Errorf("%s: %v", other, err)
		}
		cancel()
	}
	stop()
	_ = all.Wait()
}
