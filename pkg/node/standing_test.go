package node_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A remote that was never online is not in step, although nothing waits for it; nor is one that is offline, or gets changes
// only. This is reported by a running node, after a restart, and for a stopped node.
func TestInStepIsClaimedOnlyForSeenRows(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b", "never", "version-1"}, []string{"orders", "parts"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders", "parts"}, nil)
	for _, s := range []*site{a, c} {
		s.Exec(orders, `CREATE TABLE parts (id INT PRIMARY KEY)`)
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.start()
	c.start()
	synced(c)
	peer := newPeer(t, b, "version-1")
	peer.answer = func(v1Change) {} // rows for it stay pending
	peer.connect().greet("node-a")
	status := func() (s status.State) {
		t.Helper()
		if err := json.Unmarshal([]byte(a.Run(0, "status", "--json")), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	stands := func(want ...string) {
		t.Helper()
		testkit.Eventually(t, "tables to stand so", func() error {
			s := status()
			var got []string
			for _, r := range s.Remotes {
				var stand []string
				for _, x := range s.Streams {
					if x.Remote == r.Name && !slices.Contains(stand, x.Standing) {
						stand = append(stand, x.Standing)
					}
				}
				got = append(got, fmt.Sprintf("%s: %s, met %t, %d", r.Name, strings.Join(stand, " and "), r.Met, r.NeverSent))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
	const never = "never: never sent, met false, 2"
	stands(never, "node-b: in step, met true, 0", "version-1: nothing pending, met true, 0")
	c.Node.Stop()
	stands(never, "node-b: nothing pending, met true, 0", "version-1: nothing pending, met true, 0")
	a.Exec(`INSERT INTO parts VALUES (1)`)
	stands("never: never sent and pending, met false, 1", "node-b: nothing pending and pending, met true, 0", "version-1: nothing pending and pending, met true, 0")
	text := a.Run(0, "status")
	for _, want := range []string{"never there", "1, never sent: 1 table", "never sent: 1 remote"} {
		if !strings.Contains(text, want) {
			t.Errorf("status lacks %q:\n%s", want, text)
		}
	}
	a.Stop()
	if out := a.Run(1, "status"); !strings.Contains(out, "1, never sent: 1 table") {
		t.Error(out)
	}
}
