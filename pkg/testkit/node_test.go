package testkit_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestNodeSaysWhyItEnds(t *testing.T) {
	n := testkit.Node(t, testkit.ConfigFile(t, map[string]any{"noSuchKey": 1}))
	n.WaitLog("noSuchKey")
	if code := n.ExitCode(); code <= 0 {
		t.Errorf("exit code for a bad configuration: %d", code)
	}
}

func TestNodeDoesNotSeeTheTestsVariables(t *testing.T) {
	t.Setenv("MYSQL_SYNC_TEST_SWITCH", "1")
	n := testkit.Node(t, testkit.ConfigFile(t, map[string]any{"noSuchKey": 1}))
	n.WaitLog("noSuchKey")
	n.ExitCode()
	for _, line := range n.Log() {
		if strings.Contains(line, "MYSQL_SYNC_TEST") {
			t.Errorf("the daemon says %s", line)
		}
	}
}
