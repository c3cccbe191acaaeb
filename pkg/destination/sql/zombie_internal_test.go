package sql

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A process dies after it has sent a COMMIT that the server has yet to carry out. The next process deletes the row meanwhile: the
// commit does not bring it back. Promise 2.
func TestACommitOfAnEarlierProcessBringsNoRowBack(t *testing.T) {
	t.Parallel()
	const table = `CREATE TABLE a (id INT PRIMARY KEY, v INT)`
	for kind, config := range map[string]func(t *testing.T) sqldb.Config{
		"postgres": func(t *testing.T) sqldb.Config { return postgresWith(t, table) },
		"postgres with snapshots": func(t *testing.T) sqldb.Config {
			c := postgresWith(t, table)
			testkit.Postgres(t).Run(t, c.Database, "ALTER DATABASE "+c.Database+" SET default_transaction_isolation = 'repeatable read'")
			return c
		},
		"mysql": func(t *testing.T) sqldb.Config {
			server := testkit.Shared(t)
			return sqldb.Config{Driver: "mysql", Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: testkit.Schema(t, table).Name}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			open := func() *Destination {
				d, err := Open(c)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = d.Close() })
				return d.Table(Leg{Table: "a", Key: []string{"id"}})
			}
			earlier, next := open(), open()
			written, commit, committed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				committed <- earlier.try(t.Context(), func(tx *sql.Tx) error {
					_, err := tx.ExecContext(t.Context(), `INSERT INTO a VALUES (1, 1)`)
					close(written)
					<-commit
					return err
				})
			}()
			<-written
			deleted := make(chan error, 1)
			go func() {
				key, err := record.Key([]any{int64(1)}, false)
				var answers []job.Answer
				if err == nil {
					answers, err = next.Send(t.Context(), &job.Batch{ID: "2", Operations: []job.Operation{{Kind: job.Delete, Key: key}}})
				}
				if err == nil && answers[0].Refused != "" {
					err = errors.New(answers[0].Refused)
				}
				deleted <- err
			}()
			// It waits for the other, or it has ended too early.
			testkit.Eventually(t, "the delete to begin", func() error {
				if len(deleted) > 0 || waits(t, next, kind) {
					return nil
				}
				return errors.New("not yet")
			})
			close(commit)
			for _, ended := range []chan error{committed, deleted} {
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
			}
			var n int
			if err := next.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM a`).Scan(&n); err != nil || n > 0 {
				t.Errorf("%d rows, %v", n, err)
			}
		})
	}
}

// waits reports whether a session of the database waits for a lock.
func waits(t *testing.T, d *Destination, kind string) bool {
	t.Helper()
	query := `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE '%FOR UPDATE'`
	if strings.HasPrefix(kind, "postgres") {
		query = `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	}
	var n int
	if err := d.db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// postgresWith returns a database of PostgreSQL with a table.
func postgresWith(t *testing.T, table string) sqldb.Config {
	t.Helper()
	server := testkit.Postgres(t)
	return sqldb.Config{Driver: "postgres", Host: server.Host, Port: server.Port, User: server.User, Database: server.Schema(t, table)}
}

// The locks of a machine that is gone end with its session: the server waits for it no longer than a minute, and until then
// nobody waits for the locks without being told. Promise 12.
func TestLocksOfASilentProcessEnd(t *testing.T) {
	t.Parallel()
	c := postgresWith(t, `CREATE TABLE a (id INT PRIMARY KEY)`)
	for name, limits := range map[string]struct{ silent, next times }{
		"the silent one ends": {silent: times{idle: 100 * time.Millisecond, lock: usual.lock}, next: usual},
		"the other is told":   {silent: usual, next: times{idle: usual.idle, lock: 100 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(limits times) *Destination {
				d, err := Open(c)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = d.Close() })
				d.most = limits
				return d.Table(Leg{Table: "a", Key: []string{"id"}})
			}
			silent, next := open(limits.silent), open(limits.next)
			holds, over := make(chan struct{}), make(chan struct{})
			ended := make(chan error, 1)
			go func() {
				ended <- silent.try(t.Context(), func(*sql.Tx) error {
					close(holds)
					<-over
					return nil
				})
			}()
			<-holds
			_, err := next.Send(t.Context(), &job.Batch{ID: "1", Operations: []job.Operation{{Kind: job.Insert, Key: "1", Data: []byte(`{"id":1}`)}}})
			close(over)
			lost := <-ended
			if name == "the silent one ends" {
				if e, ok := errors.AsType[*remote.Error](lost); err != nil || !ok || e.Next.Do != remote.Doubt {
					t.Errorf("got %v and, for the silent one, %v", err, lost)
				}
				return
			}
			if e, ok := errors.AsType[*remote.Error](err); !ok || e.Next.Do != remote.Retry || !strings.Contains(err.Error(), "another session") || lost != nil {
				t.Errorf("got %v and, for the silent one, %v", err, lost)
			}
		})
	}
}

// MySQL and MariaDB end a session that has been silent for a minute, not after the eight hours of their default.
func TestSilentSessionsOfMySQLEnd(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := testkit.Schema(t, `CREATE TABLE a (id INT PRIMARY KEY)`)
	d, err := Open(sqldb.Config{Driver: "mysql", Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: schema.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var seconds int
	if err := d.db.QueryRowContext(t.Context(), `SELECT @@SESSION.wait_timeout`).Scan(&seconds); err != nil || seconds > 60 {
		t.Errorf("after %d s, %v", seconds, err)
	}
}
