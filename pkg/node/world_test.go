package node_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// site is a test's site.
type site struct {
	*testkit.Site
	t *testing.T
}

// newSite makes a schema and a client's configuration, which extra overrides. start starts the node.
func newSite(t *testing.T, b *testkit.Broker, name string, remotes, tables []string, extra map[string]any) *site {
	t.Helper()
	return newSiteOn(t, testkit.Shared(t), b, name, remotes, tables, extra)
}

func newSiteOn(t *testing.T, server *testkit.Database, b *testkit.Broker, name string, remotes, tables []string, extra map[string]any) *site {
	t.Helper()
	s := &site{testkit.NewSite(t, server, b, name, remotes, tables, map[string]any{"loggingLevel": "debug"}), t}
	maps.Copy(s.Config, extra)
	return s
}

// start starts the node and waits until it replicates.
func (s *site) start() *site {
	s.t.Helper()
	s.Start()
	return s
}

// pair makes two nodes with the same tables, in both directions, and starts them. When it returns, the initial sync is over:
// it would send, count and restore rows that a test writes or removes. See pairOfVersion1.
func pair(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
	t.Helper()
	a, c := pairOfVersion1(t, b, tables, ddl...)
	synced(a, c)
	return a, c
}

// pairOfVersion1 is pair for nodes that do not recognise each other as nodes: there is no initial sync.
func pairOfVersion1(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
	t.Helper()
	a, c := newPair(t, b, tables, ddl...)
	return a.start(), c.start()
}

// newPair is pair for tests that write something before they start the nodes.
func newPair(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
	t.Helper()
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	a.Exec(ddl...)
	c.Exec(ddl...)
	return a, c
}

// quiet fails the test if a node logs a warning: nothing disturbs the nodes in it.
func quiet(sites ...*site) {
	for _, s := range sites {
		s.Node.Quiet()
	}
}

// synced waits until sites have sent each table to each remote as a whole.
func synced(sites ...*site) {
	for _, s := range sites {
		s.t.Helper()
		tables, remotes := s.Config["syncTables"].([]string), s.Config["remoteClients"].([]string)
		s.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, fmt.Sprint(len(tables)*len(remotes)))
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
