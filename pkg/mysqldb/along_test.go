package mysqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func statement(text string) *mysqldb.Statement {
	var q mysqldb.Statement
	q.SQL(text)
	return &q
}

// fenced returns a pool whose condition is that table owner has a row, and the pool's table t (1, 2, 3).
func fenced(t *testing.T) (db *mysqldb.DB, user *mysqldb.DB, broken *int) {
	t.Helper()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user = server.Connect(t, schema)
	testkit.Exec(t, user, `CREATE TABLE owner (id INT PRIMARY KEY)`, `INSERT INTO owner VALUES (1)`,
		`CREATE TABLE t (id INT PRIMARY KEY)`, `INSERT INTO t VALUES (1), (2), (3)`)
	db, broken = server.Connect(t, schema), new(int)
	db.Fence(`SELECT 1 FROM owner LOCK IN SHARE MODE`, func() { *broken++ })
	return db, user, broken
}

// ids returns the table's.
func ids(t *testing.T, db *mysqldb.DB) (list []int) {
	t.Helper()
	if err := db.Select(&list, `SELECT id FROM t ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestStatementsGoAlong: with a query, with a statement, with the COMMIT, and in their order.
func TestStatementsGoAlong(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	along := func(tx mysqldb.Tx, text string) error {
		return mysqldb.Along(t.Context(), tx, "write t", statement(text))
	}
	seen := 0
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		err := errors.Join(along(tx, `INSERT INTO t VALUES (4)`), along(tx, `UPDATE t SET id = 5 WHERE id = 4`),
			mysqldb.Each(t.Context(), tx, `SELECT id FROM t WHERE id > ?`, []any{4}, func(r *sql.Rows) error { return r.Scan(&seen) }),
			along(tx, `INSERT INTO t VALUES (7)`))
		n, failed := statement(`UPDATE t SET id = id + 10 WHERE id > 3`).Count(t.Context(), tx)
		if n != 2 {
			t.Errorf("a statement after another counted %d", n)
		}
		return errors.Join(err, failed, along(tx, `INSERT INTO t VALUES (9)`), along(tx, `DELETE FROM t WHERE id = 1`))
	})
	if got := ids(t, user); err != nil || seen != 5 || !slices.Equal(got, []int{2, 3, 9, 15, 17}) {
		t.Errorf("%v, saw %d: %v", got, seen, err)
	}
	long := `INSERT INTO t VALUES (20)` + strings.Repeat(" ", 1<<17)
	if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		if err := along(tx, `INSERT INTO t VALUES (20)`); err != nil {
			return err
		}
		if err := along(tx, long); mysqldb.Number(err) != 1062 {
			t.Errorf("a long statement did not fail at once: %v", err)
		}
		return errors.New("no")
	}); err == nil || len(ids(t, user)) != 5 {
		t.Error("it was not rolled back")
	}
}

// TestWhatFailsAlongIsNotCommitted, whoever is told of it, and says what it was.
func TestWhatFailsAlongIsNotCommitted(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	for name, then := range map[string]func(mysqldb.Tx) error{
		"a commit": func(mysqldb.Tx) error { return nil },
		"a query": func(tx mysqldb.Tx) error {
			return mysqldb.Each(t.Context(), tx, `SELECT id FROM t`, nil, func(*sql.Rows) error { return nil })
		},
		"a statement": func(tx mysqldb.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (8)`)
			return err
		},
	} {
		for _, ignored := range []bool{false, true} {
			err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (6)`); err != nil {
					return err
				}
				if err := mysqldb.Along(t.Context(), tx, "write it", statement(`INSERT INTO t VALUES (1)`)); err != nil {
					t.Errorf("%s: it did not go along: %v", name, err)
				}
				err := then(tx)
				if ignored {
					return nil
				}
				return err
			})
			if mysqldb.Number(err) != 1062 || !strings.Contains(err.Error(), "write it") {
				t.Errorf("%s, ignored %v: %v", name, ignored, err)
			}
			if got := ids(t, user); !slices.Equal(got, []int{1, 2, 3}) {
				t.Fatalf("%s, ignored %v: the table has %v", name, ignored, got)
			}
		}
	}
}

// TestNothingGoesPastABrokenFence, whatever was sent with the condition.
func TestNothingGoesPastABrokenFence(t *testing.T) {
	t.Parallel()
	db, user, broken := fenced(t)
	for name, f := range map[string]func(mysqldb.Tx) error{
		"a query": func(tx mysqldb.Tx) error {
			return mysqldb.Each(t.Context(), tx, `SELECT id FROM t FOR UPDATE`, nil, func(*sql.Rows) error { return nil })
		},
		"a statement": func(tx mysqldb.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE t SET id = id + 10`)
			return err
		},
		"its own": func(tx mysqldb.Tx) error {
			_, err := db.CountThen(t.Context(), tx, statement(`UPDATE t SET id = id + 10`))
			return err
		},
		"one before a commit": func(tx mysqldb.Tx) error {
			return mysqldb.Along(t.Context(), tx, "write it", statement(`UPDATE t SET id = id + 10`))
		},
		"one before a query": func(tx mysqldb.Tx) error {
			return errors.Join(mysqldb.Along(t.Context(), tx, "write it", statement(`UPDATE t SET id = id + 10`)),
				mysqldb.Each(t.Context(), tx, `SELECT id FROM t`, nil, func(*sql.Rows) error { return nil }))
		},
	} {
		if err := mysqldb.InTx(t.Context(), db, f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		testkit.Exec(t, user, `DELETE FROM owner`)
		before, told := ids(t, user), *broken
		for _, ignored := range []bool{false, true} {
			err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
				if err := f(tx); !ignored {
					return err
				}
				return nil // it is told nevertheless
			})
			if !errors.Is(err, mysqldb.ErrFenced) {
				t.Errorf("%s: %v", name, err)
			}
			if !slices.Equal(ids(t, user), before) {
				t.Errorf("%s, ignored %v: it was written", name, ignored)
			}
		}
		if *broken != told+2 {
			t.Errorf("%s: told %d times", name, *broken-told)
		}
		testkit.Exec(t, user, `INSERT INTO owner VALUES (1)`)
	}
	before := *broken
	testkit.Exec(t, user, `DELETE FROM owner`)
	if err := mysqldb.InTx(t.Context(), db, func(mysqldb.Tx) error { return nil }); err != nil || *broken != before {
		t.Errorf("a transaction without statements: %v", err)
	}
}

// TestAConditionThatCannotBeAskedLeavesNoTransaction: when the COMMIT has to ask it, and someone holds what it locks.
func TestAConditionThatCannotBeAskedLeavesNoTransaction(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Connect(t, schema)
	testkit.Exec(t, user, `CREATE TABLE owner (id INT PRIMARY KEY, n INT)`, `INSERT INTO owner VALUES (1, 1)`, `CREATE TABLE t (id INT PRIMARY KEY)`, `INSERT INTO t VALUES (1)`)
	db := server.Connect(t, schema, config.Variable{Name: "innodb_lock_wait_timeout", Value: 1})
	db.Fence(`SELECT 1 FROM t STRAIGHT_JOIN owner LOCK IN SHARE MODE`, func() {})
	holder, err := user.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, holder, `UPDATE owner SET n = 2`)
	for name, f := range map[string]func(mysqldb.Tx) error{
		"a commit": func(tx mysqldb.Tx) error {
			return mysqldb.Along(t.Context(), tx, "write t", statement(`INSERT INTO t VALUES (2)`))
		},
		"a query": func(tx mysqldb.Tx) error {
			return mysqldb.Each(t.Context(), tx, `SELECT id FROM t`, nil, func(*sql.Rows) error { return nil })
		},
		"a statement": func(tx mysqldb.Tx) error {
			return statement(`INSERT INTO t VALUES (3)`).Exec(t.Context(), tx)
		},
	} {
		err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			if f(tx) == nil {
				return nil
			}
			return statement(`INSERT INTO t VALUES (4)`).Exec(t.Context(), tx) // as if it had not failed
		})
		if !mysqldb.LockTimeout(err) {
			t.Errorf("%s: the condition was not waited for: %v", name, err)
		}
	}
	if got := ids(t, user); !slices.Equal(got, []int{1}) {
		t.Errorf("without the condition, t got %v", got)
	}
	if err := holder.Commit(); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, user, `DELETE FROM t`) // which a lock on its row would refuse
}

// TestOwnStatementsCount as others do, found rows included, though the condition goes with them.
func TestOwnStatementsCount(t *testing.T) {
	t.Parallel()
	db, _, _ := fenced(t)
	for text, want := range map[string]int64{`UPDATE t SET id = id WHERE id > 1`: 2, `DELETE FROM t WHERE id = 3`: 1, `INSERT INTO t VALUES (7), (8), (9)`: 3, `DELETE FROM t WHERE id = 77`: 0} {
		err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			n, err := db.CountThen(t.Context(), tx, statement(text))
			if err != nil {
				return err
			}
			if n != want {
				t.Errorf("%s: %d", text, n)
			}
			return errors.New("no")
		})
		if err == nil || err.Error() != "no" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestQueriesGoTogether, in a fenced pool and in another, and end at the first error.
func TestQueriesGoTogether(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	for _, db := range []*mysqldb.DB{db, user} {
		ask := func(queries ...string) (got [][]string, err error) {
			return got, mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
				var list []mysqldb.Query
				for i, text := range queries {
					got = append(got, nil)
					list = append(list, mysqldb.Query{Statement: statement(text), Scan: func(r *sql.Rows) error {
						var s string
						err := r.Scan(&s)
						got[i] = append(got[i], s)
						return err
					}})
				}
				return db.Together(t.Context(), tx, true, list...)
			})
		}
		got, err := ask(`SELECT id FROM t ORDER BY id FOR UPDATE`, `SELECT id FROM t WHERE id > 7`, `SELECT 'a;b?'`)
		if err != nil || !slices.EqualFunc(got, [][]string{{"1", "2", "3"}, nil, {"a;b?"}}, slices.Equal) {
			t.Errorf("%q: %v", got, err)
		}
		got, err = ask(`SELECT 1`, `SELECT id FROM missing`, `SELECT 2`)
		if mysqldb.Number(err) != 1146 || len(got) != 3 || got[2] != nil {
			t.Errorf("%q: %v", got, err)
		}
		if got, err := ask(`SELECT 1`); err != nil || got[0][0] != "1" {
			t.Errorf("after an error: %v", err)
		}
	}
}

// TestAStatementIsCountedWithQueriesAfterIt: first in its transaction and later, with and without them, in a fenced pool and in another.
func TestAStatementIsCountedWithQueriesAfterIt(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	for _, db := range []*mysqldb.DB{db, user} {
		for _, begun := range []bool{false, true} {
			count := func(text string, queries ...string) (n int64, seen []int, err error) {
				return n, seen, mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
					if begun {
						if _, err := tx.ExecContext(t.Context(), `DELETE FROM t WHERE id = 0`); err != nil {
							return err
						}
					}
					var list []mysqldb.Query
					for _, text := range queries {
						list = append(list, mysqldb.Query{Statement: statement(text), Scan: func(r *sql.Rows) error {
							seen = append(seen, 0)
							return r.Scan(&seen[len(seen)-1])
						}})
					}
					var err error
					q := statement(text)
					q.Int(3)
					n, err = db.CountThen(t.Context(), tx, q, list...)
					return err
				})
			}
			all := `SELECT id FROM t ORDER BY id`
			n, seen, err := count(`UPDATE t SET id = id + 2 WHERE id >= `, all, `SELECT 20`)
			if err != nil || n != 1 || !slices.Equal(seen, []int{1, 2, 5, 20}) {
				t.Errorf("an update: %d, then %v: %v", n, seen, err)
			}
			if n, seen, err = count(`UPDATE t SET id = 3 WHERE id > `); err != nil || n != 1 || seen != nil {
				t.Errorf("without queries: %d, %v, %v", n, seen, err)
			}
			if n, seen, err = count(`DELETE FROM t WHERE id > `, all); err != nil || n != 0 || !slices.Equal(seen, []int{1, 2, 3}) {
				t.Errorf("what finds nothing: %d, then %v: %v", n, seen, err)
			}
			if _, seen, err = count(`UPDATE t SET id = 1 WHERE id = `, all); mysqldb.Number(err) != 1062 || seen != nil {
				t.Errorf("what fails: then %v: %v", seen, err)
			}
			if _, _, err = count(`DELETE FROM t WHERE id = `, `SELECT id FROM missing`); mysqldb.Number(err) != 1146 {
				t.Errorf("a query that fails: %v", err)
			}
			if got := ids(t, user); !slices.Equal(got, []int{1, 2, 3}) {
				t.Errorf("the table has %v", got)
			}
		}
	}
}

// TestWhatGoesAlongOutlivesNoTransaction: what a transaction had yet to send when its context ended.
func TestWhatGoesAlongOutlivesNoTransaction(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := mysqldb.Along(ctx, tx, "write it", statement(`INSERT INTO t VALUES (8)`)); err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = tx.Rollback() // the context may have done it
		if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			_, err := tx.ExecContext(t.Context(), `DELETE FROM t WHERE id = 8`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(t, user); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("the table has %v", got)
	}
}

// TestWhatGoesAlongIsSentBeforeLargeValues: values larger than the server's max_allowed_packet are sent in parts, which no other
// statement can go with.
func TestWhatGoesAlongIsSentBeforeLargeValues(t *testing.T) {
	t.Parallel()
	db, user, broken := fenced(t)
	var most int
	if err := user.Get(&most, `SELECT @@max_allowed_packet`); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, user, `CREATE TABLE large (id INT PRIMARY KEY, a LONGTEXT, b LONGTEXT, along TEXT)`)
	value := strings.Repeat("x", most/2+1)
	large := func(before, after string) *mysqldb.Statement {
		q := statement(before)
		q.Text([]byte(value))
		q.SQL(" AS a, ")
		q.Text([]byte(value))
		q.SQL(" AS b" + after)
		return q
	}
	none := func(*sql.Rows) error { return nil }
	for id, first := range []func(mysqldb.Tx) error{
		func(mysqldb.Tx) error { return nil },
		func(tx mysqldb.Tx) error { return mysqldb.Each(t.Context(), tx, `SELECT 1`, nil, none) },
	} {
		var along string
		write := func(tx mysqldb.Tx) error {
			insert := large(`INSERT INTO large SELECT `+strconv.Itoa(id)+`, v.*, @along FROM (SELECT `, `) v`)
			return errors.Join(first(tx), mysqldb.Along(t.Context(), tx, "", statement(`SET @along = 'it went'`)), insert.Exec(t.Context(), tx))
		}
		if err := mysqldb.InTx(t.Context(), db, write); err != nil {
			t.Fatal(err)
		}
		if err := user.Get(&along, `SELECT COALESCE(along, 'it did not go') FROM large WHERE id = ?`, id); err != nil || along != "it went" {
			t.Errorf("with a statement: %s, %v", along, err)
		}
		ask := func(tx mysqldb.Tx) error {
			q := large(`SELECT @along, `, ``)
			return errors.Join(first(tx), mysqldb.Along(t.Context(), tx, "", statement(`SET @along = 'with a query'`)),
				q.Query(t.Context(), tx, func(r *sql.Rows) error { return r.Scan(&along, new(sql.RawBytes), new(sql.RawBytes)) }))
		}
		if err := mysqldb.InTx(t.Context(), db, ask); err != nil || along != "with a query" {
			t.Errorf("%s, %v", along, err)
		}
	}
	testkit.Exec(t, user, `DELETE FROM owner`)
	for name, run := range map[string]func(mysqldb.Tx) error{
		"a query": func(tx mysqldb.Tx) error { return large(`SELECT `, ``).Query(t.Context(), tx, none) },
		"a statement": func(tx mysqldb.Tx) error {
			return large(`DELETE FROM t WHERE EXISTS (SELECT `, `)`).Exec(t.Context(), tx)
		},
	} {
		told := *broken
		err := mysqldb.InTx(t.Context(), db, run)
		if !errors.Is(err, mysqldb.ErrFenced) || *broken != told+1 {
			t.Errorf("%s with large values went past a broken fence: %v", name, err)
		}
	}
	if got := ids(t, user); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("the table has %v", got)
	}
}
