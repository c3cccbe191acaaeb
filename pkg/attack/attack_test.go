package attack_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/attack"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestNoAttackExhaustsANode plays all attacks: the node goes on with memory to spare, and another site's row arrives.
func TestNoAttackExhaustsANode(t *testing.T) {
	attack.Play(t, func(name string) bool { return regexp.MustCompile(os.Getenv("ATTACK")).MatchString(name) }, func(c attack.Cost) {
		t.Logf("%s: %d bytes sent; %d MiB resident, %v of CPU, %d bytes of log, another's row after %v", c.Name, c.Sent, c.Memory>>20, c.CPU, c.Log, c.Arrived)
		if c.Memory > attack.MostMemory {
			t.Errorf("%s: %d MiB of memory for %d bytes sent", c.Name, c.Memory>>20, c.Sent)
		}
		if c.Log > 64<<10 {
			t.Errorf("%s: %d bytes of log for %d bytes sent", c.Name, c.Log, c.Sent)
		}
	})
}
