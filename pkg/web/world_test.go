package web_test

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// site is one real node of a test, with its database and its status page.
type site struct {
	t    *testing.T
	name string
	url  string
	db   *sqlx.DB
	node *testkit.NodeProcess
}

// newSite starts a node whose tables are made by the statements first; extra
// overrides keys of its configuration.
func newSite(t *testing.T, b *testkit.Broker, name string, remotes, tables, first []string, extra map[string]any) *site {
	t.Helper()
	server := testkit.Shared(t)
	schema := server.Create(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	s := &site{t: t, name: name, url: "http://" + address + "/", db: server.Open(t, schema)}
	s.exec(first...)
	config := map[string]any{
		"clientName": name, "remoteClients": remotes, "syncTables": tables, "receiveTables": tables, "checkInterval": 20,
		"mqttConfig": map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp"},
		"mysqlConfig": map[string]any{"host": server.Host, "port": server.Port, "user": server.User,
			"password": server.Password, "database": schema},
		"http": map[string]any{"listen": address},
	}
	maps.Copy(config, extra)
	s.node = testkit.Node(t, testkit.ConfigFile(t, config))
	s.node.WaitLog("node started")
	return s
}

func (s *site) exec(statements ...string) {
	s.t.Helper()
	for _, q := range statements {
		if _, err := s.db.Exec(q); err != nil {
			s.t.Fatalf("%s: %v\n%s", s.name, err, q)
		}
	}
}

// value returns the only column of the only row of a query; "" is none.
func (s *site) value(query string) string {
	var v []string
	if err := s.db.Select(&v, query); err != nil {
		return err.Error()
	}
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// expect waits until a query gives a value.
func (s *site) expect(query, want string) {
	s.t.Helper()
	testkit.Eventually(s.t, s.name+": "+query, func() error {
		if got := s.value(query); got != want {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}
