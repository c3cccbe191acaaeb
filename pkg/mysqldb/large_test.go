package mysqldb_test

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestALargeValueIsNoPartOfTheText: a statement of a fenced transaction has values of megabytes sent by themselves, and the server
// stores and compares what it would of literals.
func TestALargeValueIsNoPartOfTheText(t *testing.T) {
	t.Parallel()
	db, user, _ := fenced(t)
	testkit.Exec(t, user, `CREATE TABLE large (id INT PRIMARY KEY, t LONGTEXT CHARACTER SET utf8mb4, l LONGTEXT CHARACTER SET latin1, b LONGBLOB)`)
	text := strings.Repeat(`'é\"`+"\x00?", 300<<10)
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	binary := bytes.Repeat(all, 8<<10)
	var prepared int
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		q := statement(`INSERT INTO large VALUES (1, `)
		for range 2 {
			q.Text([]byte(text))
			q.SQL(`, `)
		}
		q.Bytes(binary)
		q.SQL(`)`)
		if n, err := q.Count(t.Context(), tx); err != nil || n != 1 {
			t.Errorf("%d rows, %v", n, err)
		}
		var name string
		return mysqldb.Each(t.Context(), tx, `SHOW SESSION STATUS LIKE 'Com_stmt_execute'`, nil, func(r *sql.Rows) error { return r.Scan(&name, &prepared) })
	})
	if err != nil || prepared != 1 {
		t.Errorf("%d prepared statements, %v", prepared, err)
	}
	if r, err := db.ExecContext(t.Context(), `UPDATE large SET l = ?, b = ? WHERE b = ? AND t = ?`, text, binary, binary, text); err != nil {
		t.Error(err)
	} else if n, err := r.RowsAffected(); err != nil || n != 1 {
		t.Errorf("%d rows have the value, %v", n, err)
	}
	for column, want := range map[string]string{"t": text, "CONVERT(l USING utf8mb4)": text, "b": string(binary)} {
		var got []byte
		if err := user.Get(&got, `SELECT `+column+` FROM large`); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes instead of %d, %v", column, len(got), len(want), err)
		}
	}
}
