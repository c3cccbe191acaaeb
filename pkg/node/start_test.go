package node_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// ran is the outcome of a run of the real binary.
type ran struct {
	code   int
	output string // from both streams
}

// runBinary runs the real binary to its end.
func runBinary(t *testing.T, args ...string) ran {
	t.Helper()
	code, out, said := testkit.Output(t, args...)
	return ran{code, out + said}
}

// expect checks the exit code, and that the output contains each text.
func (r ran) expect(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.output, text) {
			t.Errorf("the output lacks %q", text)
		}
	}
	if t.Failed() {
		t.Fatalf("the output:\n%s", r.output)
	}
}

// run runs the node, which must exit.
func (s *site) run() ran {
	s.t.Helper()
	return runBinary(s.t, s.Write())
}

func TestMistakesInTheFileAreReportedAtOnceByKey(t *testing.T) {
	t.Parallel()
	file := testkit.ConfigFile(t, map[string]any{
		"clientName": "x", "remoteClients": "node-b", "checkInterval": 0, "syncTables": []string{"t", "t"}, "receiveTable": []string{"t"},
		"mqttConfig":  map[string]any{"host": "localhost", "port": "many", "ca": "missing.crt"},
		"mysqlConfig": map[string]any{"host": "localhost", "user": "u"},
	})
	want := []string{"clientName: ", "remoteClients: ", "checkInterval: 0 is less than 1", "syncTables[1]: ", `receiveTable: `,
		"mqttConfig.port: ", "mqttConfig.ca: ", "missing.crt", "mysqlConfig.database: is missing"}
	runBinary(t, file).expect(t, 2, want...)
	runBinary(t, "run", file).expect(t, 2, want...)
}

func TestCommandLineIsExplained(t *testing.T) {
	t.Parallel()
	runBinary(t).expect(t, 0, "mysql-sync CONFIGURATION", "Exit codes")
	runBinary(t, "--help").expect(t, 0, "mysql-sync CONFIGURATION", "Exit codes")
	runBinary(t, "run", "--help").expect(t, 0, "SIGTERM")
	runBinary(t, "schema").expect(t, 0, `"$schema"`, `"clientName"`)
	runBinary(t, "one.json", "two.json").expect(t, 2, "one configuration file")
	runBinary(t, "--nonsense").expect(t, 2, "--nonsense")
	missing := filepath.Join(t.TempDir(), "missing.json")
	runBinary(t, missing).expect(t, 2, missing, "no such file")
	version := runBinary(t, "version")
	version.expect(t, 0)
	if strings.TrimSpace(version.output) == "" {
		t.Error("version prints nothing")
	}
}

// TestMistakesFoundByServersAreReportedAtOnce has two wrong tables and a login refused by the broker.
func TestMistakesFoundByServersAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBrokerFor(t, map[string]string{"node-a": "right"})
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders", "missing", "keyless", "seen"}, nil)
	s.Exec(orders, `CREATE TABLE keyless (id INT)`, `CREATE VIEW seen AS SELECT * FROM orders`)
	s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = "node-a", "wrong"
	r := s.run()
	r.expect(t, 1, "syncTables: ", "missing", "does not exist", "keyless", "no primary key", "seen", "view", "receiveTables: ", "mqttConfig: ",
		"refused")
	if strings.Contains(r.output, "wrong") {
		t.Errorf("the output contains the password:\n%s", r.output)
	}
	s.Expect(`SHOW TABLES LIKE 'sync%'`) // nothing was created
}

func TestALoginRefusedByTheDatabaseEndsTheStart(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	s.Exec(orders)
	right := maps.Clone(s.Block("mysqlConfig"))
	s.Block("mysqlConfig")["user"], s.Block("mysqlConfig")["password"] = "nobody", "secret-1"
	r := s.run()
	r.expect(t, 1, "mysqlConfig: ", "Access denied for user 'nobody'")
	if strings.Contains(r.output, "secret-1") {
		t.Errorf("the output contains the password:\n%s", r.output)
	}
	s.Config["mysqlConfig"] = right
	right["database"] = "nowhere"
	s.run().expect(t, 1, "mysqlConfig: ", "Unknown database 'nowhere'")
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	b := testkit.AnyBrokerFor(t, map[string]string{"node-a": "right"})
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	s.Exec(orders)
	s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = "node-a", "wrong"
	t.Setenv("MYSQL_SYNC_MQTTCONFIG__PASSWORD", "right")
	s.start().Node.WaitLog("connected to the broker")
}

func TestYAMLAndTOMLAreReadByExtension(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	s.Exec(orders)
	for extension, form := range map[string]string{
		"yaml": "clientName: node-a\nremoteClients: [node-b]\nsyncTables: [orders]\nmqttConfig:\n  host: %s\n  port: %d\n" +
			"mysqlConfig:\n  host: %s\n  port: %d\n  user: %s\n  database: %s\n",
		"toml": "clientName = \"node-a\"\nremoteClients = [\"node-b\"]\nsyncTables = [\"orders\"]\n[mqttConfig]\nhost = %q\nport = %d\n" +
			"[mysqlConfig]\nhost = %q\nport = %d\nuser = %q\ndatabase = %q\n",
	} {
		file := filepath.Join(t.TempDir(), "node."+extension)
		text := fmt.Sprintf(form, b.Host, b.Port, s.Server.Host, s.Server.Port, s.Server.User, s.Schema)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n := testkit.Node(t, file)
		n.WaitLog("node started")
		if code := n.Stop(); code != 0 {
			t.Errorf("%s: exit code %d", extension, code)
		}
	}
}

func TestStartWaitsForServers(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	server := testkit.Server(t)
	b := testkit.AnyBroker(t)
	one := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	two := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	one.Exec(orders, `INSERT INTO orders VALUES (1, 'one', 1)`)
	two.Exec(orders)
	two.start()
	server.Kill()
	b.Kill()
	one.Node = testkit.Node(t, one.Write())
	one.Node.WaitLog("waiting for the database")
	server.Start()
	one.Node.WaitLog("node started")
	one.Exec(`INSERT INTO orders VALUES (2, 'two', 2)`)
	b.Start()
	two.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`)
}

func TestSecondNodeOnADatabaseIsRefused(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	s.Exec(orders)
	s.start()
	s.run().expect(t, 1, "another mysql-sync node is using this database", s.Schema, ", of ", " from ", "KILL that connection")
	s.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	s.Expect(`SELECT status FROM sync_status`, `"pending"`) // the first one carries on
	// The lock goes with the process: a new one starts at once.
	s.Node.Kill()
	s.start()
}

// TestANodeStopsCleanlyUnderLoad: a raw client sees what the others are told. The exit code would differ if the
// node had to be killed.
func TestANodeStopsCleanlyUnderLoad(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	lost := make(chan struct{}, 10)
	token := testkit.MQTTClient(t, b, "raw").Subscribe("/here/node-a", 1, func(_ mqtt.Client, m mqtt.Message) {
		if h, err := wire.ParseHere(m.Payload()); err == nil && h.Gone {
			lost <- struct{}{}
		}
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	w := a.write(1_000_000)
	w.more(50)
	a.Stop()
	select {
	case <-lost:
	case <-time.After(time.Minute):
		t.Error("the others were not told")
	}
	w.more(50) // what is written while the node is down is sent when it is back
	a.start()
	if code := c.Node.Interrupt(); code != 0 {
		t.Errorf("exit code %d after SIGINT", code)
	}
	c.start()
	settle(t, []*site{a, c}, w)
}

func TestStaleTriggersAreDropped(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	s.Exec(orders, `CREATE TABLE former (id INT PRIMARY KEY)`, `CREATE TABLE log (id INT)`,
		`CREATE TRIGGER mysqlSyncInsert_former AFTER INSERT ON former FOR EACH ROW INSERT INTO log VALUES (1)`,
		`CREATE TRIGGER mysqlSyncUpdate_orders AFTER UPDATE ON orders FOR EACH ROW INSERT INTO log VALUES (2)`,
		`CREATE TRIGGER users_own AFTER INSERT ON orders FOR EACH ROW INSERT INTO log VALUES (3)`)
	s.start()
	s.Expect(`SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY TRIGGER_NAME`,
		`"mysqlSyncDelete_orders"`, `"mysqlSyncInsert_orders"`, `"mysqlSyncUpdate_orders"`, `"users_own"`)
	s.Exec(`INSERT INTO former VALUES (1)`, `INSERT INTO orders VALUES (1, 'one', 1)`, `UPDATE orders SET name = 'two'`)
	s.Expect(`SELECT id FROM log`, `3`)
}
