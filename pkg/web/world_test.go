package web_test

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// site is a test's site, whose node runs and has a page.
type site struct {
	*testkit.Site
	url string
}

// newSite starts a node whose tables the statements create; extra overrides keys of its configuration.
func newSite(t *testing.T, b *testkit.Broker, name string, remotes, tables, first []string, extra map[string]any) *site {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	s := testkit.NewSite(t, testkit.Shared(t), b, name, remotes, tables, map[string]any{"http": map[string]any{"listen": address}})
	maps.Copy(s.Config, extra)
	s.Exec(first...)
	s.Start()
	return &site{s, "http://" + address + "/"}
}
