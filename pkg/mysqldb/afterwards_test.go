package mysqldb_test

import (
	"bytes"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// asking returns a query, and where its rows go.
func asking(text string) (q mysqldb.Query, list *[]int) {
	list = new([]int)
	return mysqldb.Query{Statement: statement(text), Scan: func(r *sql.Rows) error {
		var id int
		err := r.Scan(&id)
		*list = append(*list, id)
		return err
	}}, list
}

// TestAQueryGoesWithTheCommit, and finds what is there then. Where it cannot, as on MySQL, it says so.
func TestAQueryGoesWithTheCommit(t *testing.T) {
	t.Parallel()
	db, user, broken := fenced(t)
	may := func(ok bool) {
		t.Helper()
		if ok != db.AsksAfterwards() || ok != db.MariaDB {
			t.Errorf("a query may go with the COMMIT: %v", ok)
		}
	}
	q, got := asking(`SELECT id FROM t ORDER BY id`)
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		may(mysqldb.Afterwards(tx, q))
		if err := statement(`INSERT INTO t VALUES (5)`).Exec(t.Context(), tx); err != nil {
			return err
		}
		testkit.Exec(t, user, `INSERT INTO t VALUES (4)`)
		return mysqldb.Along(t.Context(), tx, "write t", statement(`INSERT INTO t VALUES (6)`))
	})
	if want := []int{1, 2, 3, 4, 5, 6}; err != nil || db.MariaDB && !slices.Equal(*got, want) || !slices.Equal(ids(t, user), want) {
		t.Errorf("%v: %v", *got, err)
	}
	for name, c := range map[string]struct{ last, after string }{
		"no such table":           {`INSERT INTO t VALUES (10)`, `SELECT id FROM missing`},
		"no such column":          {`INSERT INTO t VALUES (11)`, `SELECT nothing FROM t`},
		"not read as it is meant": {`INSERT INTO t VALUES (12)`, `SELECT 'x' FROM t`},
		"after it has begun":      {`INSERT INTO t VALUES (13)`, `SELECT (SELECT x.id FROM t x WHERE x.id >= t.id) FROM t`},
		"nothing but the COMMIT":  {``, `SELECT id FROM missing`},
	} {
		q, _ := asking(c.after)
		before := ids(t, user)
		err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			may(mysqldb.Afterwards(tx, q))
			if c.last == "" {
				return nil
			}
			return mysqldb.Along(t.Context(), tx, "write t", statement(c.last))
		})
		if after := len(ids(t, user)) - len(before); err != nil || (after == 1) != (c.last != "") {
			t.Errorf("a query that fails, %s: %d rows were written: %v", name, after, err)
		}
		testkit.Exec(t, user, `ALTER TABLE t COMMENT = 'free'`) // which an open transaction that has read it would hold up
	}
	failing, got := asking(`SELECT id FROM t`)
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		may(mysqldb.Afterwards(tx, failing))
		return errors.Join(statement(`INSERT INTO t VALUES (20)`).Exec(t.Context(), tx), mysqldb.Along(t.Context(), tx, "write it", statement(`INSERT INTO t VALUES (1)`)))
	})
	if mysqldb.Number(err) != 1062 || len(*got) > 0 || slices.Contains(ids(t, user), 20) {
		t.Errorf("what failed along was committed, or %v was found: %v", *got, err)
	}
	testkit.Exec(t, user, `DELETE FROM owner`)
	told := *broken
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		may(mysqldb.Afterwards(tx, failing))
		return mysqldb.Along(t.Context(), tx, "write it", statement(`INSERT INTO t VALUES (30)`))
	})
	if !errors.Is(err, mysqldb.ErrFenced) || *broken != told+1 || len(*got) > 0 || slices.Contains(ids(t, user), 30) {
		t.Errorf("past a broken fence, %v was found: %v", *got, err)
	}
}

// TestAQueryAfterTheCommitWaitsForNoLock.
func TestAQueryAfterTheCommitWaitsForNoLock(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	testkit.Exec(t, user, `CREATE TABLE locked (id INT PRIMARY KEY)`, `INSERT INTO locked VALUES (1)`)
	holder, err := user.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	testkit.Exec(t, holder, `LOCK TABLES locked WRITE`)
	q, got := asking(`SELECT id FROM locked`)
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		mysqldb.Afterwards(tx, q)
		return statement(`INSERT INTO t VALUES (4)`).Exec(t.Context(), tx)
	})
	if list := ids(t, user); err != nil || len(*got) > 0 || len(list) != 4 {
		t.Errorf("%v, found %v: %v", list, *got, err)
	}
}

// TestACommitWithoutAnAnswerIsInDoubt, whatever was sent with it: no server has said how it ended.
func TestACommitWithoutAnAnswerIsInDoubt(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Connect(t, schema, config.Variable{Name: "innodb_lock_wait_timeout", Value: 30})
	testkit.Exec(t, user, `CREATE TABLE t (id INT PRIMARY KEY)`)
	var silent sync.Map // by connection
	db := through(t, server, schema, between(t, server.Addr(), func(conn int, b []byte) {
		if bytes.Contains(b, []byte("\x03COMMIT")) {
			silent.Store(conn, true)
		}
	}, func(conn int) bool {
		_, is := silent.Load(conn)
		return !is
	}))
	defer db.Close()
	q, got := asking(`SELECT id FROM t`)
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		mysqldb.Afterwards(tx, q)
		return statement(`INSERT INTO t VALUES (4)`).Exec(t.Context(), tx)
	})
	if err == nil || mysqldb.Number(err) != 0 || len(*got) > 0 {
		t.Errorf("it ended with %v, and found %v", err, *got)
	}
}
