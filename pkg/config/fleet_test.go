package config_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Only named clients that may read are told how the node is, and in full only those whose right is not narrowed.
func TestWhoMayLook(t *testing.T) {
	t.Parallel()
	read := config.Tables{All: true}
	for _, c := range []struct {
		what     string
		cfg      config.Config
		ok, full bool
	}{
		{"a remote", config.Config{RemoteClients: []string{"node-b"}}, true, true},
		{"a remote that others than it are accepted from", config.Config{RemoteClients: []string{"node-b"}, AcceptFrom: []string{"node-c"}}, true, true},
		{"one that is accepted from", config.Config{AcceptFrom: []string{"node-b"}}, true, true},
		{"anyone", config.Config{AcceptFrom: []string{config.Anyone}}, false, false},
		{"nobody", config.Config{RemoteClients: []string{"node-c"}}, false, false},
		{"without the right to read", config.Config{AcceptFrom: []string{"node-b"}, Rights: map[string]config.Rights{"node-b": {Write: read}}}, false, false},
		{"a remote without the right of all", config.Config{RemoteClients: []string{"node-b"}, AcceptFrom: []string{config.Anyone}, Rights: map[string]config.Rights{config.Anyone: {}}}, false, false},
		{"of some tables", config.Config{AcceptFrom: []string{"node-b"}, Rights: map[string]config.Rights{"node-b": {Read: config.Tables{Named: []string{"orders"}}}}}, true, false},
		{"of some columns", config.Config{AcceptFrom: []string{"node-b"}, Rights: map[string]config.Rights{"node-b": {Read: read, Columns: map[string][]string{"orders": {"id"}}}}}, true, false},
		{"the node itself", config.Config{ClientName: "node-b", RemoteClients: []string{"node-c"}}, false, false},
	} {
		if ok, full := c.cfg.MayLook("node-b"); ok != c.ok || full != c.full {
			t.Errorf("%s: %v, %v", c.what, ok, full)
		}
	}
}
