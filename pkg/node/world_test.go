package node_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// site is one node of a test: its database and its daemon.
type site struct {
	t      *testing.T
	name   string
	server *testkit.Database
	schema string
	db     *sqlx.DB
	config map[string]any
	file   string
	node   *testkit.NodeProcess
}

// newSite makes a schema and a configuration for a client; extra overrides keys
// of the configuration. The node is started by start.
func newSite(t *testing.T, b *testkit.Broker, name string, remotes, tables []string, extra map[string]any) *site {
	t.Helper()
	server := testkit.Shared(t)
	return newSiteOn(t, server, server.Create(t), b, name, remotes, tables, extra)
}

func newSiteOn(t *testing.T, server *testkit.Database, schema string, b *testkit.Broker, name string, remotes, tables []string, extra map[string]any) *site {
	t.Helper()
	cluster := len(b.Cluster) > 0
	b = b.Server()
	s := &site{t: t, name: name, server: server, schema: schema, db: server.Open(t, schema)}
	s.config = map[string]any{
		"clientName":    name,
		"remoteClients": remotes,
		"syncTables":    tables,
		"receiveTables": tables,
		"checkInterval": 10,
		"loggingLevel":  "debug",
		"mqttConfig":    map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp"},
		"mysqlConfig": map[string]any{"host": server.Host, "port": server.Port, "user": server.User,
			"password": server.Password, "database": schema},
	}
	if cluster {
		s.block("mqttConfig")["clean"] = false // as docs/brokers.md says
	}
	maps.Copy(s.config, extra)
	return s
}

// exec runs statements on the site's database, as its users would.
func (s *site) exec(statements ...string) {
	s.t.Helper()
	for _, q := range statements {
		if _, err := s.db.Exec(q); err != nil {
			s.t.Fatalf("%s: %v\n%s", s.name, err, q)
		}
	}
}

// start starts the real daemon and waits until it replicates.
func (s *site) start() *site {
	s.t.Helper()
	if s.node == nil {
		s.file = testkit.ConfigFile(s.t, s.config)
		s.node = testkit.Node(s.t, s.file)
	} else {
		s.node.Start()
	}
	s.node.WaitLog("node started")
	return s
}

// script writes a transformer; it must come before start.
func (s *site) script(table, text string) {
	s.t.Helper()
	dir, ok := s.config["transformerDirectory"].(string)
	if !ok {
		dir = s.t.TempDir()
		s.config["transformerDirectory"] = dir
	}
	if err := os.WriteFile(filepath.Join(dir, table+".js"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// rows returns the result of a query as text, a line a row.
func (s *site) rows(query string) (string, error) {
	list, err := s.db.Queryx(query)
	if err != nil {
		return "", err
	}
	defer list.Close()
	var b strings.Builder
	for list.Next() {
		row, err := list.SliceScan()
		if err != nil {
			return "", err
		}
		for i, v := range row {
			if i > 0 {
				b.WriteByte('|')
			}
			switch v := v.(type) {
			case nil:
				b.WriteString("NULL")
			case []byte:
				fmt.Fprintf(&b, "%q", v)
			default:
				fmt.Fprintf(&b, "%v", v)
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), list.Err()
}

// expect waits until a query gives the wanted lines.
func (s *site) expect(query string, want ...string) {
	s.t.Helper()
	text := strings.Join(want, "\n")
	if text != "" {
		text += "\n"
	}
	testkit.Eventually(s.t, s.name+": "+query, func() error {
		got, err := s.rows(query)
		if err == nil && got != text {
			err = fmt.Errorf("got\n%swant\n%s", got, text)
		}
		return err
	})
}

// alike waits until a query gives the same, and something, at all sites.
func alike(t *testing.T, query string, sites ...*site) {
	t.Helper()
	testkit.Eventually(t, "the same of "+query, func() error {
		first, err := sites[0].rows(query)
		if err != nil {
			return err
		}
		for _, s := range sites[1:] {
			got, err := s.rows(query)
			if err != nil {
				return err
			}
			if got != first {
				return fmt.Errorf("%s and %s differ:\n%s", sites[0].name, s.name, difference(first, got))
			}
		}
		return nil
	})
}

// difference shows the first lines in which two results differ.
func difference(one, two string) string {
	x, y := strings.Split(one, "\n"), strings.Split(two, "\n")
	i := 0
	for i < min(len(x), len(y)) && x[i] == y[i] {
		i++
	}
	return fmt.Sprintf("of %d and %d lines, from line %d on:\n%.1000s\n---\n%.1000s", len(x)-1, len(y)-1, i+1,
		strings.Join(x[i:min(i+3, len(x))], "\n"), strings.Join(y[i:min(i+3, len(y))], "\n"))
}

// pair makes two nodes with the same tables, both directions, and starts them. When it returns, the initial sync is over:
// it would send, count and bring back rows that a test writes or takes away. See pairOfVersion1.
func pair(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
	t.Helper()
	a, c := pairOfVersion1(t, b, tables, ddl...)
	synced(a, c)
	return a, c
}

// pairOfVersion1 is pair for nodes that do not know each other for nodes: there is no initial sync.
func pairOfVersion1(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
	t.Helper()
	a, c := newPair(t, b, tables, ddl...)
	return a.start(), c.start()
}

// newPair is pair for a test that writes something before it starts the nodes.
func newPair(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
	t.Helper()
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	a.exec(ddl...)
	c.exec(ddl...)
	return a, c
}

// quiet has the test fail if a node warns of anything: nothing disturbs them in it.
func quiet(sites ...*site) {
	for _, s := range sites {
		s.node.Quiet()
	}
}

// synced waits until sites have sent each table to each remote as a whole.
func synced(sites ...*site) {
	for _, s := range sites {
		s.t.Helper()
		tables, remotes := s.config["syncTables"].([]string), s.config["remoteClients"].([]string)
		s.expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, fmt.Sprint(len(tables)*len(remotes)))
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// command runs a subcommand of the real binary with the site's configuration and
// returns what it printed.
func (s *site) command(name string, args ...string) string {
	s.t.Helper()
	cmd := testkit.Command(s.t, append([]string{name, s.file}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: mysql-sync %s %v: %v\n%s", s.name, name, args, err, out)
	}
	return string(out)
}
