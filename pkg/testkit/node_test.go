package testkit_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestNodeTellsWhyItEnds(t *testing.T) {
	n := testkit.Node(t, testkit.ConfigFile(t, map[string]any{"noSuchKey": 1}))
	n.WaitLog("noSuchKey")
	if code := n.ExitCode(); code <= 0 {
		t.Errorf("exit code for a bad configuration: %d", code)
	}
}
