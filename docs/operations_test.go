package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// site is a database with a node, as operations.md speaks of it.
type site struct {
	t      *testing.T
	name   string
	db     *sqlx.DB
	config map[string]any
	node   *testkit.NodeProcess
	file   string
}

const (
	ordersTable = "CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(40))"
	partsTable  = "CREATE TABLE parts (id INT PRIMARY KEY, item VARCHAR(40))"
)

func newSite(t *testing.T, broker *testkit.Broker, name string, remotes ...string) *site {
	t.Helper()
	server := testkit.Shared(t)
	schema := server.Create(t)
	s := &site{t: t, name: name, db: server.Open(t, schema), config: map[string]any{
		"clientName": name, "remoteClients": remotes, "syncTables": []string{"orders"}, "receiveTables": []string{"orders"},
		"checkInterval": 10, "queueDirectory": filepath.Join(t.TempDir(), "queue"),
		"mqttConfig": map[string]any{"host": broker.Host, "port": broker.Port},
		"mysqlConfig": map[string]any{"host": server.Host, "port": server.Port, "user": server.User,
			"password": server.Password, "database": schema},
	}}
	s.db.MustExec(ordersTable)
	return s
}

// start starts the node with its configuration as it is now.
func (s *site) start() *site {
	s.t.Helper()
	s.file = testkit.ConfigFile(s.t, s.config)
	s.node = testkit.Node(s.t, s.file)
	s.node.WaitLog("node started")
	return s
}

func (s *site) stop() {
	s.t.Helper()
	if code := s.node.Stop(); code != 0 {
		s.t.Fatalf("%s ended with %d", s.name, code)
	}
}

// holds waits until a table has these rows.
func (s *site) holds(table, want string) {
	s.t.Helper()
	testkit.Eventually(s.t, s.name+" to hold "+want, func() error {
		var got string
		err := s.db.Get(&got, "SELECT COALESCE(GROUP_CONCAT(CONCAT(id, ' ', item) ORDER BY id), '') FROM "+table)
		if err == nil && got != want {
			err = fmt.Errorf("it holds %q", got)
		}
		return err
	})
}

// equal waits until verify says that the tables are the same.
func (s *site) equal(arguments ...string) {
	s.t.Helper()
	testkit.Eventually(s.t, "verify at "+s.name, func() error {
		out, err := testkit.Command(s.t, append([]string{"verify", s.file}, arguments...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// settled waits until nothing is pending at the site.
func (s *site) settled() {
	s.t.Helper()
	testkit.Eventually(s.t, s.name+" to have sent all", func() error {
		var open int
		err := s.db.Get(&open, "SELECT (SELECT COUNT(*) FROM table_changes) + (SELECT COUNT(*) FROM sync_status WHERE status <> 'successful') + (SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NULL)")
		if err == nil && open > 0 {
			err = fmt.Errorf("%d are open", open)
		}
		return err
	})
}

// reload has the running node read its configuration, as it is now.
func (s *site) reload() {
	s.t.Helper()
	text, err := json.Marshal(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.file, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.command("reload")
}

func (s *site) command(name string, arguments ...string) {
	s.t.Helper()
	if out, err := testkit.Command(s.t, append([]string{name, s.file}, arguments...)...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: mysql-sync %s: %v\n%s", s.name, name, err, out)
	}
}

// The page names each table that a node makes.
func (s *site) named() {
	s.t.Helper()
	var names []string
	if err := s.db.Select(&names, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME <> 'orders'"); err != nil || len(names) < 8 {
		s.t.Fatal(names, err)
	}
	for _, name := range names {
		if !strings.Contains(page(s.t, "operations.md"), "`"+name+"`") {
			s.t.Errorf("operations.md does not name the table %s", name)
		}
	}
}

// What operations.md says of nodes that are added, set back, moved and given another
// broker.
func TestNodesComeGoAndMove(t *testing.T) {
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	berlin := newSite(t, broker, "berlin")
	berlin.config["acceptFrom"] = []string{"boston"}
	berlin.start()
	berlin.db.MustExec("INSERT INTO orders VALUES (1, 'nut'), (2, 'bolt')")

	// Add a node: the others name it, and each sends what the other lacks.
	boston := newSite(t, broker, "boston", "berlin")
	boston.db.MustExec("INSERT INTO orders VALUES (2, 'bolt'), (3, 'gear')")
	boston.start()
	berlin.config["remoteClients"] = []string{"boston"}
	berlin.reload()
	for _, s := range []*site{berlin, boston} {
		s.holds("orders", "1 nut,2 bolt,3 gear")
	}
	berlin.equal()

	// Move a node: its directory goes along.
	boston.db.MustExec("UPDATE orders SET item = 'cog' WHERE id = 3")
	berlin.holds("orders", "1 nut,2 bolt,3 cog")
	boston.stop()
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(boston.config["queueDirectory"].(string), moved); err != nil {
		t.Fatal(err)
	}
	boston.config["queueDirectory"] = moved
	berlin.db.MustExec("UPDATE orders SET item = 'wheel' WHERE id = 3")
	boston.start().holds("orders", "1 nut,2 bolt,3 wheel")
	if log := strings.Join(boston.node.Log(), "\n"); strings.Contains(log, "restored from a backup") || strings.Contains(log, "remembers nothing") {
		t.Errorf("the node takes its database for another:\n%s", log)
	}

	// Replace the broker: one node after the other.
	next := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	for _, s := range []*site{berlin, boston} {
		s.config["mqttConfig"] = map[string]any{"host": next.Host, "port": next.Port}
		s.reload()
		berlin.db.MustExec("INSERT INTO orders VALUES ((SELECT MAX(id) + 1 FROM orders o), 'rod')")
	}
	boston.holds("orders", "1 nut,2 bolt,3 wheel,4 rod,5 rod")
	berlin.settled()
	boston.settled()

	// Restore without the own tables: what others still have to send comes, rows that both
	// have stay, and repair takes the remote's rows.
	boston.stop()
	boston.named()
	boston.command("uninstall", "--yes")
	boston.db.MustExec("UPDATE orders SET item = 'old' WHERE id = 3")
	boston.db.MustExec("DELETE FROM orders WHERE id = 4")
	boston.db.MustExec("INSERT INTO orders VALUES (6, 'pin')")
	berlin.db.MustExec("DELETE FROM orders WHERE id = 5")
	boston.start()
	boston.holds("orders", "1 nut,2 bolt,3 old,6 pin")
	berlin.holds("orders", "1 nut,2 bolt,3 wheel,4 rod,6 pin")
	if out, err := testkit.Command(t, "verify", boston.file).CombinedOutput(); err == nil {
		t.Errorf("verify finds nothing: %s", out)
	}
	boston.equal("--repair")
	boston.equal()
	for _, s := range []*site{berlin, boston} {
		s.holds("orders", "1 nut,2 bolt,3 wheel,4 rod,6 pin")
	}
}

// What operations.md says of tables that are added, removed and put back.
func TestTablesComeAndGo(t *testing.T) {
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	berlin, boston := newSite(t, broker, "berlin", "boston").start(), newSite(t, broker, "boston", "berlin").start()
	sites := []*site{berlin, boston}
	tables := func(s *site, list ...string) {
		s.config["syncTables"], s.config["receiveTables"] = list, list
		s.reload()
	}
	for _, s := range sites {
		s.db.MustExec(partsTable)
	}
	berlin.db.MustExec("INSERT INTO parts VALUES (1, 'nut')")

	tables(berlin, "orders", "parts")
	berlin.db.MustExec("INSERT INTO parts VALUES (2, 'bolt')") // Boston does not take it yet
	tables(boston, "orders", "parts")
	boston.holds("parts", "1 nut,2 bolt")
	berlin.settled()

	// While it is taken out at one site, that one's writes are not seen. Row 1 was
	// never seen to change at all before.
	tables(berlin, "orders")
	berlin.db.MustExec("UPDATE parts SET item = 'cog'")
	tables(berlin, "orders", "parts")
	boston.holds("parts", "1 cog,2 cog")
	berlin.equal()

	for _, s := range sites {
		tables(s, "orders")
		var triggers int
		if err := s.db.Get(&triggers, "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'parts'"); err != nil || triggers > 0 {
			t.Errorf("%s has %d triggers on a table that was taken out (%v)", s.name, triggers, err)
		}
	}
}
