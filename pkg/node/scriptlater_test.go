package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAScriptsTemporaryErrorIsRetried at the sender and at the receiver: a deadlock of its statement is an error of neither
// the row nor the script, for existing rows and for deletes.
func TestAScriptsTemporaryErrorIsRetried(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"node-a", "node-b"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := testkit.AnyBroker(t)
			x, y := newPair(t, b, []string{"orders"}, orders)
			x.Exec(`INSERT INTO orders VALUES (9, 'nine', 1)`)
			for _, s := range []*site{x, y} {
				if s.Name != at {
					continue
				}
				s.Exec(`CREATE TABLE trouble (id INT PRIMARY KEY)`, `CREATE PROCEDURE troubled() BEGIN
					IF EXISTS (SELECT * FROM trouble) THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'; END IF; END`)
				s.Script("orders", `const f = async ({mysql, entity, id}) => { await mysql.query('CALL troubled()'); return entity || id; };
					module.exports = f; module.exports.onDelete = f;`)
				defer s.Exec(`DROP TABLE trouble`)
			}
			trouble := map[string]*site{x.Name: x, y.Name: y}[at]
			x.start()
			y.start()
			y.Expect(`SELECT name FROM orders`, `"nine"`)
			synced(x, y)
			trouble.Exec(`INSERT INTO trouble VALUES (1)`)
			x.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`, `DELETE FROM orders WHERE id = 9`)
			x.Expect(`SELECT primary_key, status, message <> '' FROM sync_status WHERE status <> 'successful' ORDER BY primary_key`,
				`"1"|"pending"|1`, `"9"|"pending"|1`)
			trouble.Exec(`DELETE FROM trouble`)
			y.Expect(`SELECT id, name FROM orders`, `1|"one"`)
			synced(x, y)
		})
	}
}
