package testkit_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestSitesExchangeRows(t *testing.T) {
	t.Parallel()
	server, broker := testkit.Shared(t), testkit.AnyBroker(t)
	a := testkit.NewSite(t, server, broker, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	b := testkit.NewSite(t, server, broker, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	network := a.Through("mysqlConfig", server.Addr())
	for _, s := range []*testkit.Site{a, b} {
		s.Exec(`CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(40))`)
		s.Start()
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'one'), (2, NULL)`)
	b.Expect(`SELECT * FROM orders ORDER BY id`, `1|"one"`, `2|NULL`)
	a.Stop()
	network.Blackhole(true)
	a.Config["checkInterval"] = 0
	a.Write()
	a.Run(2, "check")
	a.Exec(`DELETE FROM orders WHERE id = 2`)
	err := testkit.Run(t.Logf, func(tb testkit.TB) { a.TB = tb; a.Run(0, "check") })
	if err == nil || !strings.Contains(err.Error(), "of node-a: exit code 2, want 0") || !strings.Contains(err.Error(), "checkInterval") {
		t.Errorf("a command with a wrong exit code: %v", err)
	}
}
