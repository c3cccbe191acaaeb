package mysqldb_test

import (
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestWhatComesLastGoesWithTheCommit: only this says that it failed, and then nothing was committed.
func TestWhatComesLastGoesWithTheCommit(t *testing.T) {
	t.Parallel()
	db, user, broken := fenced(t)
	last := func(tx mysqldb.Tx, text string) error {
		return statement(text).Exec(mysqldb.Last(t.Context()), db.AtOnce(tx))
	}
	known := func(tx mysqldb.Tx) error {
		return mysqldb.Each(t.Context(), tx, `SELECT id FROM t WHERE id = 1 FOR UPDATE`, nil, func(*sql.Rows) error { return nil })
	}
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		return errors.Join(known(tx), last(tx, `INSERT INTO t VALUES (4)`), mysqldb.Along(t.Context(), tx, "write t", statement(`UPDATE t SET id = 5 WHERE id = 4`)))
	})
	if got := ids(t, user); err != nil || !slices.Equal(got, []int{1, 2, 3, 5}) {
		t.Errorf("%v: %v", got, err)
	}
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		if err := errors.Join(known(tx), mysqldb.Along(t.Context(), tx, "write t", statement(`INSERT INTO t VALUES (6)`))); err != nil {
			return err
		}
		if err := last(tx, `INSERT INTO t VALUES (1)`); db.MariaDB && err != nil {
			t.Errorf("it did not go with the COMMIT: %v", err)
		}
		return mysqldb.Along(t.Context(), tx, "write t", statement(`INSERT INTO t VALUES (7)`))
	})
	if got := ids(t, user); mysqldb.Number(err) != 1062 || !slices.Equal(got, []int{1, 2, 3, 5}) {
		t.Errorf("%v: %v", got, err)
	}
	testkit.Exec(t, user, `DELETE FROM owner`, `CREATE TABLE kept (id INT PRIMARY KEY) ENGINE=MyISAM`) // what is written there is not rolled back
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		if err := last(tx, `INSERT INTO kept VALUES (8)`); err != nil {
			return err
		}
		return known(tx)
	})
	var kept int
	if failed := user.Get(&kept, `SELECT COUNT(*) FROM kept`); failed != nil || !errors.Is(err, mysqldb.ErrFenced) || *broken != 1 || kept != 0 {
		t.Errorf("past a broken fence, %d: %v, %v", kept, err, failed)
	}
}
