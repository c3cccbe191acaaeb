package mysqldb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestARaisedLimitHolds: what was too large is written once the server's max_allowed_packet is raised, while the pool is in use all the time.
func TestARaisedLimitHolds(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, "--max-allowed-packet=2M")
	root := server.Open(t, "")
	value := strings.Repeat("x", 3<<20)
	for how, write := range map[string]func(tx mysqldb.Tx, id int) error{
		"a part of the text": func(tx mysqldb.Tx, id int) error {
			_, err := tx.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO large VALUES (%d, '%s')`, id, value))
			return err
		},
		"a value of a prepared statement": func(tx mysqldb.Tx, id int) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO large VALUES (?, ?)`, id, value)
			return err
		},
	} {
		testkit.Exec(t, root, `SET GLOBAL max_allowed_packet = 2097152`)
		db := server.Connect(t, server.Create(t))
		testkit.Exec(t, db, `CREATE TABLE large (id INT PRIMARY KEY, t LONGTEXT)`)
		db.Fence(`SELECT 1`, func() {})
		insert := func(id int) error {
			return mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error { return write(tx, id) })
		}
		for id := range 3 {
			if err := insert(id); !mysqldb.TooLarge(err) {
				t.Errorf("%s of 3 MiB, with a limit of 2 MiB: %v", how, err)
			}
		}
		testkit.Exec(t, root, `SET GLOBAL max_allowed_packet = 67108864`)
		if err := insert(9); err != nil {
			t.Errorf("%s of 3 MiB, with a limit of 64 MiB: %v", how, err)
		}
		var n int
		if err := db.Get(&n, `SELECT COUNT(*) FROM large WHERE LENGTH(t) = 3145728`); err != nil || n != 1 {
			t.Errorf("%s: %d rows, %v", how, n, err)
		}
	}
}
