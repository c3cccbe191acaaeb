package node_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The privileges, and the setting that a server with a binary log needs, are those
// that docs/operations.md names.
func TestNodeNeedsNoMoreThanTheDocumentedPrivileges(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // its login cannot read the log
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders, `INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.Exec(orders)
	a.Exec(`SET GLOBAL log_bin_trust_function_creators = 1`)
	user := "grants_" + a.Schema
	a.Exec(fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY 'Secret-1'", user),
		fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, TRIGGER, LOCK TABLES ON %s.* TO %s@'%%'", a.Schema, user))
	login := a.Config["mysqlConfig"].(map[string]any)
	login["user"], login["password"] = user, "Secret-1"
	a.start()
	c.start()
	quiet(a, c)
	c.Expect(`SELECT id FROM orders`, `1`)
	c.Exec(`UPDATE orders SET name = 'uno' WHERE id = 1`)
	a.Expect(`SELECT name FROM orders`, `"uno"`)
	a.Exec(`INSERT INTO orders VALUES (2, 'two', 2.20)`)
	c.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`)
}
