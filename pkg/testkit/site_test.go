package testkit_test

import (
	"fmt"
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

// A site of a test by triggers, or of its subtest, takes them whatever the variable says, and knows what is recorded as well as others.
func TestASiteKnowsWhatIsRecorded(t *testing.T) {
	t.Setenv("MYSQL_SYNC_TEST_CAPTURE", "log")
	for _, triggers := range []bool{false, true} {
		t.Run(map[bool]string{true: "triggers", false: "log"}[triggers], func(t *testing.T) {
			if triggers {
				testkit.ByTriggers(t)
			}
			server, broker := testkit.Logging(t), testkit.AnyBroker(t)
			t.Run("site", func(t *testing.T) {
				s := testkit.NewSite(t, server, broker, "node-a", []string{"node-b"}, []string{"orders"}, nil)
				if _, log := s.Config["capture"]; log == triggers {
					t.Fatalf("it captures by %v", s.Config["capture"])
				}
				s.Exec(`CREATE TABLE orders (id INT PRIMARY KEY)`)
				s.Start()
				for i := range 3 {
					s.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d)`, i))
					s.Later()
					if got, err := s.Rows(`SELECT COUNT(*) FROM sync_versions`); err != nil || got != fmt.Sprintf("%d\n", i+1) {
						t.Errorf("%d: %q are recorded (%v)", i, got, err)
					}
				}
				if !s.Node.Runs() {
					t.Error("it does not run")
				}
				s.Stop()
				s.Later() // there is no one to wait for
			})
		})
	}
}
