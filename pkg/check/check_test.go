package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestTwoRunningNodesHaveNoFindings also checks that neither is disturbed.
func TestTwoRunningNodesHaveNoFindings(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"node-a": "secret-a", "node-b": "secret-b"}, ACL: true})
	a := newSite(t, testkit.Shared(t), b, orders)
	c := newSite(t, testkit.Shared(t), b, orders)
	c.Config["clientName"], c.Config["remoteClients"] = "node-b", []string{"node-a"}
	for s, password := range map[*site]string{a: "secret-a", c: "secret-b"} {
		s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = s.Config["clientName"], password
	}
	// If nothing runs yet, only the remote is missing.
	f := a.check(0, "--listen", "4s")
	f.has(finding.Warning, "node-b", "was not heard")
	if n := len(f.in(finding.Warning, check.AreaRemotes)); n != 1 {
		t.Errorf("%d warnings of remotes:\n%s", n, f.text)
	}
	var tables int
	if err := a.DB.Get(&tables, `SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`); err != nil || tables != 1 {
		t.Errorf("check left %d tables, %v", tables, err)
	}

	one, two := a.start(), c.start()
	f = a.check(0, "--listen", "20s")
	f.has(finding.Right, "clientName", "is online")
	f.has(finding.Right, "node", "a node uses this database")
	f.has(finding.Right, "node-b", "is online", "protocol 2")
	f.has(finding.Right, "node-b", "accepts orders")
	f.has(finding.Right, "node-b", "accepts batches from node-a")
	f.has(finding.Right, "node-b", "clock")
	f.has(finding.Right, "orders", "sent and received, by the key (id)")
	f.has(finding.Right, b.Addr(), "120 KiB")
	f.has(finding.Right, b.Addr(), "no access rule blocks them")
	for _, x := range f.list {
		if x.Level != finding.Right {
			t.Errorf("%+v", x)
		}
	}
	for _, n := range []*testkit.NodeProcess{one, two} {
		for _, line := range n.Log() {
			if strings.Contains(line, "\tWARN\t") || strings.Contains(line, "\tERROR\t") || strings.Contains(line, "offline") {
				t.Errorf("a node was disturbed: %s", line)
			}
		}
	}
}

func TestFindingsAreShownAsATable(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.Config["syncTables"] = []string{"orders", "missing"}
	code, text := run(t, "check", s.Write(), "--listen", "1ms")
	for _, part := range []string{"\ntables\n  ✗ missing", "    ", "→ Create the table", "  ✓ orders", "  ! node-b", "1 mistake, 1 warning."} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing:\n%s", part, text)
		}
	}
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	if code, text = run(t, "check", filepath.Join(t.TempDir(), "none.json")); code != 2 || !strings.Contains(text, "no such file") {
		t.Errorf("a missing file: %d\n%s", code, text)
	}
	if code, text = run(t, "check"); code != 2 {
		t.Errorf("no file: %d\n%s", code, text)
	}
}

func TestMistakesAndWarningsInTheFile(t *testing.T) {
	t.Parallel()
	f := checkFile(t, 2, testkit.ConfigFile(t, map[string]any{"clientName": "x", "checkInterval": 0, "mysqlConfig": map[string]any{"user": "u"}}))
	f.has(finding.Mistake, "clientName", "2 to 32 letters")
	f.has(finding.Mistake, "checkInterval", "0 is less than 1")
	f.has(finding.Mistake, "mysqlConfig.database", "is missing")

	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.Block("mqttConfig")["will"] = map[string]any{}
	s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = "someone", "Secret-2"
	s.Config["queueDirectory"] = filepath.Join(t.TempDir(), "made", "later")
	file := s.Write()
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	f = checkFile(t, 0, file)
	f.has(finding.Warning, "mqttConfig", "will")
	f.has(finding.Warning, "configuration.json", "can be read by other users", "chmod o-rwx")
	f.has(finding.Right, "queueDirectory", "will be created")
	if strings.Contains(f.text, "Secret-2") {
		t.Errorf("the password is in the output:\n%s", f.text)
	}
	// As the packages install it: owned by root, readable by the node's group.
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	checkFile(t, 0, file).has(finding.Right, "queueDirectory", "will be created")
	if f = checkFile(t, 0, file); len(f.in(finding.Warning, check.AreaConfiguration)) != 1 { // of will
		t.Errorf("a file owned by the node's group:\n%s", f.text)
	}
	delete(s.Block("mqttConfig"), "username")
	delete(s.Block("mqttConfig"), "password")
	s.Config["http"] = map[string]any{"listen": fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), "token": "Secret-3-of-the-page"}
	file = s.Write()
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	_, text := run(t, "check", file, "--json", "--listen", "1ms")
	if !strings.Contains(text, "can be read by other users") || strings.Contains(text, "Secret-3") {
		t.Errorf("a token that others may read:\n%s", text)
	}
	delete(s.Config, "http")

	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Config["queueDirectory"] = open
	s.check(0).has(finding.Warning, "queueDirectory", "other users", "chmod 700")
	s.Config["queueDirectory"] = filepath.Join(file, "below-a-file")
	s.Config["http"] = map[string]any{"listen": b.Addr()}
	f = s.check(1)
	f.has(finding.Mistake, "queueDirectory", "not a directory")
	f.has(finding.Mistake, "http.listen", "in use")
}

func TestRowsThatTravelInTheClear(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.Config["mqttConfig"] = map[string]any{"host": "broker.invalid", "connectTimeout": 1000}
	s.Block("mysqlConfig")["host"] = "database.invalid"
	f := s.check(1)
	f.has(finding.Warning, "mqttConfig", "in the clear", "mqtts")
	f.has(finding.Warning, "mysqlConfig.ssl", "in the clear")
	f.has(finding.Mistake, "mysqlConfig", "database.invalid")
	f.has(finding.Mistake, "broker.invalid:1883", "broker.invalid")
}

func TestScripts(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders, `CREATE TABLE items (id INT PRIMARY KEY)`)
	s.Config["syncTables"] = []string{"orders", "items"}
	dir := t.TempDir()
	s.Config["transformerDirectory"] = dir
	s.check(0).has(finding.Warning, "transformerDirectory", "has no file")
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("orders.js", `module.exports = context => context.entity`)
	put("customers.js", `module.exports = context => context.entity`)
	s.Config["conflictPolicy"] = map[string]any{"orders": "script"}
	f := s.check(1)
	f.has(finding.Right, "orders", "has a transformer")
	f.has(finding.Warning, "customers.js", "matches no table")
	f.has(finding.Mistake, "conflictPolicy", "conflictPolicy.orders", "resolve")
	put("items.js", `exports.nothing = 1`)
	s.check(1).has(finding.Mistake, "transformerDirectory", "items.js")
	put("items.js", `module.exports = context => {`)
	s.check(1).has(finding.Mistake, "transformerDirectory", "items.js")
}

// TestNodesThatSeal has two nodes with a common key, and then a check with another.
func TestNodesThatSeal(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	key := func() map[string]any {
		code, text := run(t, "key")
		if code != 0 {
			t.Fatal(text)
		}
		return map[string]any{"keys": []map[string]any{{"id": "one", "key": strings.TrimSpace(text)}}, "required": []string{"*"}}
	}
	a := newSite(t, testkit.Shared(t), b, orders)
	c := newSite(t, testkit.Shared(t), b, orders)
	c.Config["clientName"], c.Config["remoteClients"] = "node-b", []string{"node-a"}
	c.Config["encryption"] = key()
	a.Config["encryption"] = c.Config["encryption"]
	a.start()
	node := c.start()
	f := a.check(0, "--listen", "10s")
	for _, line := range node.Log() {
		if strings.Contains(line, "\tWARN\t") {
			t.Errorf("a node was disturbed: %s", line)
		}
	}
	f.has(finding.Right, "node-b", "share a key")
	f.has(finding.Right, "node-b", "accepts orders")
	f.has(finding.Right, "node-b", "was not queried", "mysql-sync verify")
	if n := len(f.in(finding.Warning, check.AreaRemotes)); n > 0 {
		t.Errorf("%d warnings of remotes:\n%s", n, f.text)
	}
	a.Config["encryption"] = key()
	a.check(1, "--listen", "3s").has(finding.Mistake, "node-b", "no key in common")
	delete(a.Config, "encryption")
	a.check(0, "--listen", "3s").has(finding.Warning, "node-b", "this node has none")
}
