package mysqldb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAPanicInATransactionBecomesItsError: the transaction is rolled back and the connection stays usable.
func TestAPanicInATransactionBecomesItsError(t *testing.T) {
	db := testkit.Schema(t)
	testkit.Exec(t, db, `CREATE TABLE t (id INT PRIMARY KEY)`)
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (1)`); err != nil {
			return err
		}
		panic("a fault of ours")
	})
	var p *mysqldb.Panic
	if !errors.As(err, &p) || len(p.Stack) == 0 || !strings.Contains(err.Error(), "a fault of ours") || mysqldb.Transient(err) {
		t.Errorf("got error %v", err)
	}
	var n int
	if err := db.Get(&n, `SELECT COUNT(*) FROM t FOR UPDATE`); err != nil || n != 0 {
		t.Errorf("%d rows: %v", n, err)
	}
}
