package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// stopped makes fully connected nodes with the same row of orders, and
// stops them.
func stopped(t *testing.T, policy any, script string, names ...string) []*site {
	t.Helper()
	b := testkit.AnyBroker(t)
	var sites []*site
	for i, name := range names {
		var remotes []string
		remotes = append(append(remotes, names[:i]...), names[i+1:]...)
		s := newSite(t, b, name, remotes, []string{"orders"}, map[string]any{"conflictPolicy": map[string]any{"orders": policy}})
		s.Exec(orders)
		if script != "" {
			s.Script("orders", script)
		}
		sites = append(sites, s.start())
	}
	sites[0].Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	for _, s := range sites {
		s.Expect(`SELECT name FROM orders`, `"one"`)
	}
	rest(sites...)
	for _, s := range sites {
		s.Node.Stop()
	}
	return sites
}

// started starts the nodes again, and waits until they are equal and
// silent.
func started(t *testing.T, sites []*site) {
	t.Helper()
	for _, s := range sites {
		s.start()
	}
	rest(sites...)
	for _, s := range sites {
		s.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, `0`)
	}
	testkit.Alike(t, `SELECT * FROM orders`, sites...)
	testkit.Alike(t, `SELECT time, origin, seen FROM sync_versions`, sites...)
}

// kept waits until one of the nodes has kept a loser with this name.
func kept(t *testing.T, name string, sites []*site) {
	t.Helper()
	testkit.Eventually(t, "the loser "+name, func() error {
		for _, s := range sites {
			if got, err := s.Rows(`SELECT policy FROM sync_conflicts WHERE JSON_VALUE(loser_row, '$.name') = '` + name + `'`); err != nil || got != "" {
				return err
			}
		}
		return fmt.Errorf("no node has kept it")
	})
}

func TestPriorityKeepsTheRowOfTheFirst(t *testing.T) {
	t.Parallel()
	sites := stopped(t, map[string]any{"priority": []string{"hq"}}, "", "branch", "hq")
	branch, hq := sites[0], sites[1]
	hq.Exec(`UPDATE orders SET name = 'from hq'`)
	branch.Exec(`UPDATE orders SET name = 'from the branch', amount = 2`) // is later
	started(t, sites)
	hq.Expect(`SELECT name, amount FROM orders`, `"from hq"|"1.00"`)
	kept(t, "from the branch", sites)
	for _, s := range sites {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE policy <> 'priority' OR JSON_VALUE(winner_row, '$.name') <> 'from hq'`, `0`)
	}
	// A write that has seen the other is no conflict, whoever makes it.
	branch.Exec(`UPDATE orders SET name = 'settled'`)
	hq.Expect(`SELECT name FROM orders`, `"settled"`)
	rest(sites...)
	for _, s := range sites {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE JSON_VALUE(loser_row, '$.name') <> 'from the branch'`, `0`)
	}
}

func TestPriorityDecidesAboutDeletes(t *testing.T) {
	t.Parallel()
	sites := stopped(t, map[string]any{"priority": []string{"hq"}}, "", "branch", "hq")
	branch, hq := sites[0], sites[1]
	hq.Exec(`DELETE FROM orders`)
	branch.Exec(`UPDATE orders SET name = 'from the branch'`)
	started(t, sites)
	hq.Expect(`SELECT COUNT(*) FROM orders`, `0`)
	kept(t, "from the branch", sites)
}

func TestScriptMakesOneRowOfTwo(t *testing.T) {
	t.Parallel()
	// Both nodes decide at the same time, and a node may be sent the other's result under the version that it was made
	// from: the script must return the same for a row that contains a part of it already.
	sites := stopped(t, "script", `const words = side => side.entity.name.split(' + ');
	exports.resolve = ({earlier, later}) => ({
		...later.entity,
		name: [...new Set([...words(earlier), ...words(later)])].sort().join(' + '),
		amount: Math.max(Number(earlier.entity.amount), Number(later.entity.amount)),
	})`, "node-a", "node-b")
	sites[0].Exec(`UPDATE orders SET name = 'from a', amount = 20.5`)
	sites[1].Exec(`UPDATE orders SET name = 'from b', amount = 10`)
	started(t, sites)
	sites[0].Expect(`SELECT name, amount FROM orders`, `"from a + from b"|"20.50"`)
	// Neither survives whole, so both are kept.
	kept(t, "from a", sites)
	kept(t, "from b", sites)
}

func TestIfTheScriptFailsTheLaterVersionWins(t *testing.T) {
	t.Parallel()
	sites := stopped(t, "script", `exports.resolve = async c => (await c.mysql.query('SELECT 1'))[0]`, "node-a", "node-b")
	sites[0].Exec(`UPDATE orders SET name = 'from a'`)
	sites[1].Exec(`UPDATE orders SET name = 'from b'`)
	started(t, sites)
	sites[0].Expect(`SELECT name FROM orders`, `"from b"`)
	kept(t, "from a", sites)
	for _, s := range sites {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE policy <> 'lastWriteWins'`, `0`)
	}
}

func TestThreeNodesMergeByScript(t *testing.T) {
	t.Parallel()
	sites := stopped(t, "script", `const words = side => side.entity.name.split(' ');
	exports.resolve = ({earlier, later}) => ({
		...later.entity,
		name: [...new Set([...words(earlier), ...words(later)])].sort().join(' '),
	})`, "node-a", "node-b", "node-c")
	for _, s := range sites {
		s.Exec(`UPDATE orders SET name = 'from ` + s.Name + `'`)
	}
	started(t, sites)
	for _, s := range sites {
		s.Expect(`SELECT name FROM orders`, `"from node-a node-b node-c"`)
	}
}

func TestPolicyWithoutItsScriptEndsTheStart(t *testing.T) {
	t.Parallel()
	a := newSite(t, testkit.AnyBroker(t), "node-a", []string{"node-b"}, []string{"orders"},
		map[string]any{"conflictPolicy": map[string]any{"orders": "script"}})
	a.Exec(orders)
	a.Script("orders", `module.exports = ({entity}) => entity;`)
	node := testkit.Node(t, a.Write())
	if code := node.ExitCode(); code == 0 {
		t.Error("the node ended with 0")
	}
	if line := node.WaitLog(`conflictPolicy\.orders`); !strings.Contains(line, "exports no resolve") {
		t.Errorf("it logged %q", line)
	}
}
