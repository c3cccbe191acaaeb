package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// site is a database with a node, as in operations.md.
type site struct {
	*testkit.Site
	t *testing.T
}

const (
	ordersTable = "CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(40))"
	partsTable  = "CREATE TABLE parts (id INT PRIMARY KEY, item VARCHAR(40))"
)

func newSite(t *testing.T, broker *testkit.Broker, name string, remotes ...string) *site {
	t.Helper()
	s := testkit.NewSite(t, testkit.Shared(t), broker, name, remotes, []string{"orders"}, map[string]any{
		"queueDirectory": filepath.Join(t.TempDir(), "queue")})
	s.Exec(ordersTable)
	return &site{s, t}
}

// start starts the node with its current configuration.
func (s *site) start() *site {
	s.t.Helper()
	s.Write()
	s.Start()
	return s
}

// holds waits until a table has these rows.
func (s *site) holds(table, want string) {
	s.t.Helper()
	testkit.Eventually(s.t, s.Name+" to hold "+want, func() error {
		var got string
		err := s.DB.Get(&got, "SELECT COALESCE(GROUP_CONCAT(CONCAT(id, ' ', item) ORDER BY id), '') FROM "+table)
		if err == nil && got != want {
			err = fmt.Errorf("it holds %q", got)
		}
		return err
	})
}

// equal waits until verify reports equal tables.
func (s *site) equal(arguments ...string) {
	s.t.Helper()
	testkit.Eventually(s.t, "verify at "+s.Name, func() error {
		if code, out, said := testkit.Output(s.t, append([]string{"verify", s.File}, arguments...)...); code != 0 {
			return fmt.Errorf("exit code %d: %s%s", code, out, said)
		}
		return nil
	})
}

// settled waits until nothing is pending at the site and everything sent has been answered:
// otherwise it would be resent.
func (s *site) settled() {
	s.t.Helper()
	testkit.Eventually(s.t, s.Name+" to have sent all", func() error {
		var open int
		err := s.DB.Get(&open, "SELECT (SELECT COUNT(*) FROM table_changes) + (SELECT COUNT(*) FROM sync_status WHERE status <> 'successful') + (SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NULL)")
		var state struct {
			Remotes []struct {
				Name     string
				Pending  struct{ Rows int }
				InFlight int
			}
		}
		if err == nil {
			err = json.Unmarshal([]byte(s.Run(0, "status", "--json")), &state)
		}
		for _, r := range state.Remotes {
			open += r.Pending.Rows + r.InFlight
		}
		if err == nil && (open > 0 || len(state.Remotes) == 0) {
			err = fmt.Errorf("%d are open: %+v", open, state.Remotes)
		}
		return err
	})
}

// reload makes the running node read its current configuration.
func (s *site) reload() {
	s.t.Helper()
	s.Write()
	s.Run(0, "reload")
}

// The page names each table that a node creates.
func (s *site) named() {
	s.t.Helper()
	var names []string
	if err := s.DB.Select(&names, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME <> 'orders'"); err != nil || len(names) < 8 {
		s.t.Fatal(names, err)
	}
	for _, name := range names {
		if !strings.Contains(page(s.t, "operations.md"), "`"+name+"`") {
			s.t.Errorf("operations.md does not name the table %s", name)
		}
	}
}

// operations.md on nodes that are added, restored, moved and given another broker.
func TestAddRemoveAndMoveNodes(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	berlin := newSite(t, broker, "berlin")
	berlin.Config["acceptFrom"] = []string{"boston"}
	berlin.start()
	berlin.Exec("INSERT INTO orders VALUES (1, 'nut'), (2, 'bolt')")

	// Add a node: the others list it, and each sends what the other lacks.
	boston := newSite(t, broker, "boston", "berlin")
	boston.Exec("INSERT INTO orders VALUES (2, 'bolt'), (3, 'gear')")
	boston.start()
	berlin.Config["remoteClients"] = []string{"boston"}
	berlin.reload()
	for _, s := range []*site{berlin, boston} {
		s.holds("orders", "1 nut,2 bolt,3 gear")
	}
	berlin.equal()

	// Move a node: its directory goes along.
	boston.Exec("UPDATE orders SET item = 'cog' WHERE id = 3")
	berlin.holds("orders", "1 nut,2 bolt,3 cog")
	boston.Stop()
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(boston.Config["queueDirectory"].(string), moved); err != nil {
		t.Fatal(err)
	}
	boston.Config["queueDirectory"] = moved
	berlin.Exec("UPDATE orders SET item = 'wheel' WHERE id = 3")
	boston.start().holds("orders", "1 nut,2 bolt,3 wheel")
	if log := strings.Join(boston.Node.Log(), "\n"); strings.Contains(log, "restored from a backup") || strings.Contains(log, "remembers nothing") {
		t.Errorf("the node takes its database for a different one:\n%s", log)
	}

	// Replace the broker: one node after the other.
	next := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	for _, s := range []*site{berlin, boston} {
		s.Config["mqttConfig"] = next.Keys()
		s.reload()
		berlin.Exec("INSERT INTO orders VALUES ((SELECT MAX(id) + 1 FROM orders o), 'rod')")
	}
	boston.holds("orders", "1 nut,2 bolt,3 wheel,4 rod,5 rod")
	berlin.settled()
	boston.settled()

	// Restore without the own tables: what others have yet to send arrives, rows that both have
	// stay, and repair takes the remote's rows.
	boston.Stop()
	boston.named()
	boston.Run(0, "uninstall", "--yes")
	boston.Exec("UPDATE orders SET item = 'old' WHERE id = 3")
	boston.Exec("DELETE FROM orders WHERE id = 4")
	boston.Exec("INSERT INTO orders VALUES (6, 'pin')")
	berlin.Exec("DELETE FROM orders WHERE id = 5")
	boston.start()
	boston.holds("orders", "1 nut,2 bolt,3 old,6 pin")
	berlin.holds("orders", "1 nut,2 bolt,3 wheel,4 rod,6 pin")
	boston.Run(1, "verify")
	boston.equal("--repair")
	boston.equal()
	for _, s := range []*site{berlin, boston} {
		s.holds("orders", "1 nut,2 bolt,3 wheel,4 rod,6 pin")
	}
}

// operations.md on tables that are added, removed and put back.
func TestAddAndRemoveTables(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	berlin, boston := newSite(t, broker, "berlin", "boston").start(), newSite(t, broker, "boston", "berlin").start()
	sites := []*site{berlin, boston}
	tables := func(s *site, list ...string) {
		s.Config["syncTables"], s.Config["receiveTables"] = list, list
		s.reload()
	}
	for _, s := range sites {
		s.Exec(partsTable)
	}
	berlin.Exec("INSERT INTO parts VALUES (1, 'nut')")

	tables(berlin, "orders", "parts")
	berlin.Exec("INSERT INTO parts VALUES (2, 'bolt')") // Boston does not accept it yet
	tables(boston, "orders", "parts")
	boston.holds("parts", "1 nut,2 bolt")
	berlin.settled()

	// While the table is removed at one site, that site's writes are not captured. No change of row
	// 1 was ever captured before.
	tables(berlin, "orders")
	berlin.Exec("UPDATE parts SET item = 'cog'")
	tables(berlin, "orders", "parts")
	boston.holds("parts", "1 cog,2 cog")
	berlin.equal()

	for _, s := range sites {
		tables(s, "orders")
		var triggers int
		if err := s.DB.Get(&triggers, "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'parts'"); err != nil || triggers > 0 {
			t.Errorf("%s has %d triggers on a removed table (%v)", s.Name, triggers, err)
		}
	}
}
