package log_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWhatApplyRollsBackStillWaits: rule 2, apply settles what it decided over after its commit.
func TestWhatApplyRollsBackStillWaits(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	for _, fails := range []error{errors.New("no"), nil} {
		err := p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error {
			found, err := capture.Uncaptured(t.Context(), tx, s, "orders", []string{"1"})
			if err != nil || len(found["1"]) != 1 {
				t.Errorf("%v wait (%v)", found, err)
			}
			if err := s.Consume(t.Context(), tx, w, found["1"]); err != nil {
				t.Error(err)
			}
			return fails
		})
		if (err == nil) != (fails == nil) {
			t.Error(err)
		}
	}
	p.want("after the commit", p.record(s), "")
}

const family = `CREATE TABLE items (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES orders (id) ON DELETE CASCADE)`

// TestCascadesAreNoticed: MySQL from 9.6 on logs them. On other servers triggers tell of them, whose words go with what they tell of.
func TestCascadesAreNoticed(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func() *testkit.Database{
		"as the server is told by default": func() *testkit.Database { return testkit.Logging(t) },
		"by InnoDB alone": func() *testkit.Database {
			return testkit.Server(t, append(testkit.LogFlags(), "--loose-innodb-native-foreign-keys=ON")...)
		},
	} {
		t.Run(name, func(t *testing.T) { noticesCascades(t, server()) })
	}
}

func noticesCascades(t *testing.T, server *testkit.Database) {
	p := newPlace(t, server, []string{"orders", "items"}, orders, family)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`, `INSERT INTO items VALUES (7, 1)`)
	p.want("recorded", p.record(s), "+1 +7")
	p.exec(`DELETE FROM orders WHERE id = 1`)
	p.want("the child and its parent", p.record(s), "-7 -1")
	var left int
	if err := p.user.Get(&left, `SELECT COUNT(*) FROM table_changes`); left != 0 || err != nil {
		t.Errorf("%d words of triggers are left (%v)", left, err)
	}
}

// TestCascadesOfApplyAreNotNoticed: rule 4. The children's changes come from wherever the parent was deleted.
func TestCascadesOfApplyAreNotNoticed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders", "items"}, orders, family)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`, `INSERT INTO items VALUES (7, 1)`)
	p.want("recorded", p.record(s), "+1 +7")
	tx := p.user.MustBegin()
	testkit.Exec(t, tx, `SET @mysql_sync_applying = 'orders'`, `DELETE FROM orders WHERE id = 1`, `SET @mysql_sync_applying = NULL`,
		`INSERT INTO sync_versions (table_name, row_id, time, origin) VALUES ('orders', '1', 5, 'x')`)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	p.want("of apply", p.record(s), "")
}

// TestAStartThatRecordsNothingIsWhereTheNextOneBegins: P is written before the triggers go.
func TestAStartThatRecordsNothingIsWhereTheNextOneBegins(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	_ = s.Close()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	s, unseen := p.source()
	p.want("after the next start", p.record(s), "+1")
	if len(unseen) > 0 {
		t.Errorf("not seen: %v", unseen)
	}
}

// TestNothingIsDecidedOverALogThatWasReset: who decides about a row asks how far the log is written. All of a new log may have been
// read of the old one, by its names. What was read of that, and not recorded, does not wait for the new one.
func TestNothingIsDecidedOverALogThatWasReset(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	if n, err := s.Count(t.Context(), 10); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	p.reset()
	p.exec(`UPDATE orders SET name = 'uno' WHERE id = 1`)
	q := s.Ask("orders", slices.Values([]string{"1"}))
	var statement mysqldb.Statement
	q.AddTo(&statement)
	if err := statement.Query(t.Context(), p.db, q.Scan); err != nil {
		t.Fatal(err)
	}
	if list, err := q.Answer(t.Context()); err == nil {
		t.Errorf("what waits of the row was said: %v", list)
	} else if !mysqldb.Transient(err) {
		t.Errorf("the row is refused, and not looked at again: %v", err)
	}
	missed, _, stop := p.watch(s)
	testkit.Eventually(t, "it is recorded that writes may have been missed", func() error {
		if _, err := s.Next(t.Context()); len(missed) < 2 { // which fails meanwhile
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	p.exec(`INSERT INTO orders VALUES (3, 'three')`)
	testkit.Eventually(t, "the log is read on", func() error {
		if n, err := s.Count(t.Context(), 10); err != nil || n != 2 {
			return fmt.Errorf("%d wait: %w", n, err)
		}
		return nil
	})
	testkit.Eventually(t, "what was read of the old log can be recorded", func() error {
		b, err := s.Next(t.Context())
		if err == nil && b == nil {
			err = errors.New("nothing")
		}
		return err
	})
	p.want("from then on", p.record(s), "+2 +3")
	stop()
}

// TestALogWithoutNamesIsWaitedFor: while MySQL's gtid_mode is not ON, nothing is decided about a row, nor the tables sent again and again.
// They are once it is ON again.
func TestALogWithoutNamesIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	if p.server.Flavour != testkit.FlavourMySQL {
		return // names cannot be turned off
	}
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	missed, _, stop := p.watch(s)
	p.exec(`SET GLOBAL gtid_mode = ON_PERMISSIVE`, `SET GLOBAL gtid_mode = OFF_PERMISSIVE`, `UPDATE orders SET name = 'uno' WHERE id = 1`)
	testkit.Eventually(t, "it is told", func() error {
		if _, err := s.Next(t.Context()); !errors.Is(err, binlog.ErrNameless) {
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	if list, err := capture.Uncaptured(t.Context(), p.db, s, "orders", []string{"1"}); !mysqldb.LockTimeout(err) {
		t.Errorf("what waits of the row was said: %v, %v", list, err)
	}
	if len(missed) > 0 {
		t.Error("it was recorded that writes may have been missed")
	}
	p.exec(`SET GLOBAL gtid_mode = ON_PERMISSIVE`, `SET GLOBAL gtid_mode = ON`)
	testkit.Eventually(t, "it is recorded that writes may have been missed", func() error {
		if _, err := s.Next(t.Context()); len(missed) < 2 { // which fails meanwhile
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	stop()
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	p.want("from then on", p.record(s), "+2")
}

// TestAResetIsNoticedWhileTheServerWaits: after a reset the server may go on waiting at the end of the file that it had, and
// never send what it writes to another of the same name. The numbers of that may be lower than those read, or higher.
func TestAResetIsNoticedWhileTheServerWaits(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	p.reset() // the first file has the name of the next one
	s, _ := p.source()
	missed, _, stop := p.watch(s)
	for round, writes := range []int{1, 100, 1} {
		for range 20 {
			p.exec(`REPLACE INTO orders VALUES (1, LEFT(UUID(), 8))`)
		}
		testkit.Eventually(t, "the log is read", func() error {
			n, err := s.Count(t.Context(), 10)
			if err == nil && n == 0 {
				err = errors.New("nothing waits")
			}
			return err
		})
		if round < 2 { // else what was read waits, and is never seen to be committed
			p.record(s)
		}
		p.reset()
		for range writes {
			p.exec(`REPLACE INTO orders VALUES (2, LEFT(UUID(), 8))`)
		}
		testkit.Eventually(t, fmt.Sprintf("it is recorded that writes may have been missed, round %d", round), func() error {
			if _, err := s.Next(t.Context()); len(missed) < 2 { // which fails meanwhile
				return fmt.Errorf("not yet: %w", err)
			}
			return nil
		})
		for len(missed) > 0 {
			<-missed
		}
	}
	stop()
	_ = s.Close()
}

// TestAnotherLogIsNoticedWhileItIsRead: rule 6, for a reader that connects again. What is missed is recorded before the log is
// read on, and once more after that.
func TestAnotherLogIsNoticedWhileItIsRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	missed, _, stop := p.watch(s)
	p.reset()
	for range 50 {
		p.exec(`INSERT INTO orders VALUES (2, 'two')`, `DELETE FROM orders WHERE id = 2`)
	}
	_ = s.Close() // as if the connection were lost
	for range 2 {
		testkit.Eventually(t, "it is recorded that writes may have been missed", func() error {
			if _, err := s.Next(t.Context()); len(missed) == 0 { // which fails until then
				return fmt.Errorf("not yet: %w", err)
			}
			return nil
		})
		p.want("missed", <-missed, "orders")
	}
	p.exec(`INSERT INTO orders VALUES (3, 'three')`)
	testkit.Eventually(t, "the log is read on", func() error {
		n, err := s.Count(t.Context(), 10)
		if err == nil && n != 1 {
			err = errors.New("not yet")
		}
		return err
	})
	p.want("from then on", p.record(s), "+3")
	stop()
}
