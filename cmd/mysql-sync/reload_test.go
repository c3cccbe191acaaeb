package main_test

import (
	"os"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestLogLevelAndReloadOfARunningNode(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	dir := script(t, `module.exports = c => c.entity`)
	a := newSite(t, b, "node-a", []string{"node-b"}, map[string]any{"transformerDirectory": dir}, orders)
	has(t, a.Run(1, "log-level", "debug"), "is not running")
	has(t, a.Run(1, "reload"), "is not running")
	has(t, a.Run(1, "verify"), "is not running")
	a.Start()
	has(t, a.Run(0, "log-level", "debug"), "logs at level debug")
	if s := parse[status.State](t, a.Run(0, "status", "--json"))[0]; s.LogLevel != "debug" {
		t.Errorf("level %s", s.LogLevel)
	}
	has(t, a.Run(0, "reload"), "the node has reloaded")
	if s := parse[status.State](t, a.Run(0, "status", "--json"))[0]; s.LogLevel != "info" {
		t.Errorf("level after a reload: %s", s.LogLevel)
	}
	if err := os.WriteFile(dir+"/orders.js", []byte("module.exports = nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	has(t, a.Run(2, "reload"), "the node carries on as before", "orders.js:1", "nonsense is not defined")
	a.Run(0, "status")
}
