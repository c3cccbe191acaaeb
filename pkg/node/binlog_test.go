package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A server that logs statements refuses writes at READ COMMITTED, such as the node's. Its sessions log rows, if
// permitted; users and their triggers write as before. A node whose user may not change that says what to do.
func TestStatementBasedBinlogsWork(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // which the log does not capture from
	b := testkit.AnyBroker(t)
	server := testkit.Server(t, "--log-bin=binlog", "--server-id=1", "--binlog-format=STATEMENT", "--log-bin-trust-function-creators=1")
	right := map[testkit.Flavour]string{testkit.FlavourMariaDB: "BINLOG ADMIN", testkit.FlavourMySQL: "SESSION_VARIABLES_ADMIN"}[server.Flavour]
	var sites []*site
	for i, name := range []string{"node-a", "node-b"} {
		s := newSiteOn(t, server, b, name, []string{[]string{"node-b", "node-a"}[i]}, []string{"orders", "parts"}, nil)
		s.Exec(orders, `CREATE TABLE parts (id INT PRIMARY KEY, ord INT, FOREIGN KEY (ord) REFERENCES orders (id) ON DELETE CASCADE)`,
			`CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6))`,
			`CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW INSERT INTO notes (at) VALUES (SYSDATE(6))`, // for received rows too
			fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY 'Secret-1'", s.Schema),
			fmt.Sprintf("GRANT %s ON %s.* TO %s@'%%'", strings.Join(documentedGrants(t), ", "), s.Schema, s.Schema))
		s.Block("mysqlConfig")["user"], s.Block("mysqlConfig")["password"] = s.Schema, "Secret-1"
		sites = append(sites, s)
	}
	a, c := sites[0], sites[1]
	a.run().expect(t, 1, "binlog_format is STATEMENT", "GRANT "+right+" ON *.* TO ")
	for _, s := range sites {
		s.Exec(fmt.Sprintf("GRANT %s ON *.* TO %s@'%%'", right, s.Schema))
		s.start()
	}
	synced(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`, `INSERT INTO parts VALUES (1, 1), (2, 2)`)
	testkit.Alike(t, `SELECT * FROM orders JOIN parts ON ord = orders.id ORDER BY 1`, a, c)
	c.Expect(`SELECT COUNT(*) FROM parts`, `2`)
	c.Expect(`SELECT COUNT(*) FROM notes`, `2`)
	c.Exec(`UPDATE orders SET name = 'changed' WHERE id = 2`, `DELETE FROM orders WHERE id = 1`)
	for _, s := range sites {
		s.Expect(`SELECT id, name FROM orders`, `2|"changed"`)
		s.Expect(`SELECT * FROM parts`, `2|2`)
		s.Expect(testkit.Waiting, `0`)
	}
	for _, s := range sites {
		s.Stop()
	}
}
