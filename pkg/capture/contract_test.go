package capture_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// sources are all of them, each with a server for it: each keeps the promises of capture.Source.
var sources = map[string]struct {
	server func(testkit.TB) *testkit.Database
	log    bool
}{
	"trigger": {testkit.Shared, false},
	"log":     {testkit.Logging, true},
}

// site is a database with an armed source.
type site struct {
	*testing.T
	db     *mysqldb.DB
	user   *sqlx.DB
	source capture.Source
	stream *version.Stream
}

// everySource runs a test on each source, with a table that has a composite key, and a counter. ddl comes before the source.
func everySource(t *testing.T, test func(s *site), ddl ...string) {
	t.Parallel()
	for name, of := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := of.server(t)
			db := server.Connect(t, server.Create(t))
			err := schema.Migrate(t.Context(), zap.NewNop(), db)
			if err != nil {
				t.Fatal(err)
			}
			testkit.Exec(t, db, `CREATE TABLE orders (shop VARCHAR(10), id INT, n INT NOT NULL, PRIMARY KEY (shop, id))`)
			testkit.Exec(t, db, ddl...)
			var read *config.MySQL
			if of.log {
				read = &config.MySQL{Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: db.Name}
			}
			s := &site{T: t, db: db, user: server.Open(t, db.Name)}
			s.source = choice.Source(zap.NewNop(), db, choice.Config{
				Syncs: func(table string) bool { return table == "orders" }, Interval: time.Millisecond,
				Details: func(string) bool { return true }, Counters: func(string) []string { return []string{"N"} },
			}, read)
			if closer, ok := s.source.(io.Closer); ok {
				t.Cleanup(func() { _ = closer.Close() })
			}
			if s.stream, err = version.OpenStream(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			ts := schema.NewTables(db)
			orders, err := ts.Table(t.Context(), "orders")
			if err != nil {
				t.Fatal(err)
			}
			keys, err := schema.Ancestry(t.Context(), db, db.Name)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.source.Arm(t.Context(), []*schema.Table{orders}, keys); err != nil {
				t.Fatal(err)
			}
			test(s)
		})
	}
}

// yielded returns the keys of the source's next batch, which may take some time.
func (s *site) yielded() (capture.Batch, []string) { s.Helper(); return s.yieldedAll(1) }

// yieldedAll waits for a batch of at least so many writes: a source may yield the first ones before it has read the others.
func (s *site) yieldedAll(n int) (batch capture.Batch, keys []string) {
	s.Helper()
	testkit.Eventually(s, "the source yields writes", func() (err error) {
		if batch, err = s.source.Next(s.Context()); err != nil {
			s.Fatal(err)
		}
		keys = nil
		if batch != nil {
			for _, e := range batch.Entries() {
				keys = append(keys, e.Row.Key)
			}
		}
		if len(keys) < n {
			return fmt.Errorf("%q", keys)
		}
		return nil
	})
	return batch, keys
}

// write runs a transaction that writes a row.
func (s *site) write(r change.Row, f func(tx mysqldb.Tx, w *version.Writing) error) error {
	return s.stream.Write(s.Context(), s.db, []change.Row{r}, f)
}

func (s *site) asked(db mysqldb.Queryer, keys ...string) map[string][]capture.Entry {
	s.Helper()
	found, err := capture.Uncaptured(s.Context(), db, s.source, "orders", keys)
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// TestCommittedWritesAreYieldedUntilConsumed has transactions that commit in a different order than
// they wrote, and one that is rolled back.
func TestCommittedWritesAreYieldedUntilConsumed(t *testing.T) {
	everySource(t, func(s *site) {
		late, err := s.user.Begin()
		if err != nil {
			s.Fatal(err)
		}
		never, err := s.user.Begin()
		if err != nil {
			s.Fatal(err)
		}
		defer func() { _, _ = late.Rollback(), never.Rollback() }()
		testkit.Exec(s, late, `INSERT INTO orders VALUES ('a', 1, 0)`)
		testkit.Exec(s, never, `INSERT INTO orders VALUES ('a', 2, 0)`)
		testkit.Exec(s, s.user, `INSERT INTO orders VALUES ('a,b', 3, 0), ('a', 4, 0)`, `UPDATE orders SET n = 1 WHERE shop = 'a' AND id = 4`, `DELETE FROM orders WHERE shop = 'a' AND id = 4`)
		early := []string{`a\,b,3`, "a,4", "a,4", "a,4"}
		for _, consumed := range []bool{false, false, true} {
			batch, keys := s.yieldedAll(len(early))
			if !slices.Equal(keys, early) {
				s.Fatalf("yielded %q, want %q", keys, early)
			}
			for i, gone := range []bool{false, false, false, true} {
				if e := batch.Entries()[i]; !e.Gone.Valid || e.Gone.Bool != gone || e.Written > change.Micros(time.Now()) {
					s.Errorf("yielded %+v for write %d, gone: %v", e, i, gone)
				}
			}
			var then mysqldb.Statement
			then.SQL("SELECT 4 UNION ALL SELECT 2")
			sum := 0
			err := s.write(change.Row{Table: "orders", Key: "a,4"}, func(tx mysqldb.Tx, w *version.Writing) error {
				err := batch.Consume(s.Context(), tx, w, mysqldb.Query{Statement: &then, Scan: func(r *sql.Rows) error {
					var n int
					err := r.Scan(&n)
					sum += n
					return err
				}})
				if err != nil || consumed {
					return err
				}
				return version.ErrNothing
			})
			if (err == nil) != consumed || sum != 6 {
				s.Fatalf("%v; the query after it gave %d", err, sum)
			}
		}
		testkit.Exec(s, late, `UPDATE orders SET n = 2 WHERE shop = 'a' AND id = 1`, `UPDATE orders SET n = 2 WHERE shop = 'a,b' AND id = 3`)
		if err := never.Rollback(); err != nil {
			s.Fatal(err)
		}
		if err := late.Commit(); err != nil {
			s.Fatal(err)
		}
		batch, keys := s.yielded()
		if want := []string{"a,1", "a,1", `a\,b,3`}; !slices.Equal(keys, want) {
			s.Errorf("yielded %q after the late commit, want %q", keys, want)
		}
		// Entries that another consumes meanwhile are not consumed twice.
		one := change.Row{Table: "orders", Key: "a,1"}
		err = s.write(one, func(tx mysqldb.Tx, w *version.Writing) error {
			return s.source.Consume(s.Context(), tx, w, s.asked(tx, one.Key)[one.Key])
		})
		if err != nil {
			s.Fatal(err)
		}
		err = s.write(one, func(tx mysqldb.Tx, w *version.Writing) error { return batch.Consume(s.Context(), tx, w) })
		if !errors.Is(err, capture.ErrConsumed) {
			s.Fatalf("a partly consumed batch: %v", err)
		}
		if _, keys := s.yielded(); !slices.Equal(keys, []string{`a\,b,3`}) {
			s.Errorf("left %q", keys)
		}
		if n, err := s.source.Count(s.Context(), 10); n != 1 || err != nil {
			s.Errorf("%d pending, %v", n, err)
		}
	})
}

// TestACounterIsSetWhereverItsRowGetsAKey: by an insert, by an update, and by a foreign key. A row may have had that key before, and
// what was counted then says nothing about this one.
func TestACounterIsSetWhereverItsRowGetsAKey(t *testing.T) {
	everySource(t, func(s *site) {
		testkit.Exec(s, s.user, `INSERT INTO shops VALUES ('a')`, `INSERT INTO orders VALUES ('a', 1, 10)`, `UPDATE orders SET id = 2, n = 11`,
			`UPDATE shops SET name = 'b'`, `UPDATE orders SET n = 12`)
		var got []string
		for _, key := range []string{"a,1", "a,2", "b,2"} {
			for _, e := range s.asked(s.db, key)[key] {
				if e.Gone.Bool {
					continue
				}
				said := key + " unknown"
				for _, w := range e.Counted {
					said = fmt.Sprintf("%s %v %s to %s", key, w.Set, w.Old, w.New)
				}
				got = append(got, said)
			}
		}
		got = slices.Compact(got) // the log and table_changes may both tell it
		want := []string{"a,1 true  to 10", "a,2 true  to 11", "b,2 true  to 11", "b,2 false 11 to 12"}
		if !slices.Equal(got, want) {
			s.Errorf("recorded %q, want %q", got, want)
		}
	}, `CREATE TABLE shops (name VARCHAR(10) PRIMARY KEY)`, `ALTER TABLE orders ADD FOREIGN KEY (shop) REFERENCES shops (name) ON UPDATE CASCADE`)
}

// TestALockHolderKnowsTheRowsWrites has users write rows continuously: each write that the lock's
// holder sees was consumed before or is reported now.
func TestALockHolderKnowsTheRowsWrites(t *testing.T) {
	everySource(t, func(s *site) {
		const rows, looks = 3, 200
		testkit.Exec(s, s.user, `INSERT INTO orders VALUES ('a', 0, 0), ('a', 1, 0), ('a', 2, 0)`)
		ctx, stop := context.WithCancel(s.Context())
		var users sync.WaitGroup
		defer users.Wait()
		defer stop()
		for range 3 {
			users.Go(func() {
				for ctx.Err() == nil {
					_, _ = s.user.Exec(`UPDATE orders SET n = n + 1 WHERE shop = 'a' AND id = ?`, rand.IntN(rows))
				}
			})
		}
		consumed := map[string]int{} // how often each row had been written
		for i := range looks {
			key := fmt.Sprint("a,", i%rows)
			r := change.Row{Table: "orders", Key: key}
			var n, found int
			err := s.write(r, func(tx mysqldb.Tx, w *version.Writing) error {
				err := mysqldb.Each(ctx, tx, `SELECT n FROM orders WHERE shop = 'a' AND id = ? FOR UPDATE`, []any{i % rows}, func(r *sql.Rows) error { return r.Scan(&n) })
				if err != nil {
					return err
				}
				list := s.asked(tx, key)[key]
				found = len(list)
				if i%2 == 0 {
					return version.ErrNothing // it is not consumed
				}
				return s.source.Consume(ctx, tx, w, list)
			})
			if mysqldb.LockTimeout(err) {
				continue
			}
			if err != nil && !errors.Is(err, version.ErrNothing) {
				s.Fatal(err)
			}
			if found == 0 && n != consumed[key] {
				s.Fatalf("look %d: the row was written %d times, %d of these were consumed, and none waits", i, n, consumed[key])
			}
			if err == nil {
				consumed[key] = n
			}
		}
	})
}
