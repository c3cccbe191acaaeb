package mysqldb_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAStatementCommitsWhateverTheServersDefault: a server may have its sessions begin without autocommit. What a node has written, such
// as that the database is its own, would be rolled back a minute later.
func TestAStatementCommitsWhateverTheServersDefault(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, "--autocommit=0")
	schema := server.Create(t)
	db, other := server.Connect(t, schema), server.Connect(t, schema)
	testkit.Exec(t, db, `CREATE TABLE t (id INT PRIMARY KEY)`, `INSERT INTO t VALUES (1)`)
	var n int
	if err := other.Get(&n, `SELECT COUNT(*) FROM t`); err != nil || n != 1 {
		t.Errorf("%d rows were committed, %v", n, err)
	}
}
