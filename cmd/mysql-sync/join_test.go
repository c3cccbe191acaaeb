package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// joinable is a hub with the embedded broker, which sites may join.
func joinable(t *testing.T, extra map[string]any) *testkit.Site {
	t.Helper()
	address := "127.0.0.1:" + strconv.Itoa(testkit.FreePort(t))
	h := newSite(t, &testkit.Broker{Host: "127.0.0.1", Port: 1}, "hq", []string{"store-*"}, extra, orders,
		`CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(10,2) NOT NULL DEFAULT 1.50)`, `INSERT INTO prices VALUES (1, 9.99)`)
	delete(h.Config, "mqttConfig")
	h.Config["syncTables"] = []string{"orders", "prices"}
	h.Config["receiveTables"] = []string{"orders"}
	h.Config["broker"] = map[string]any{"listen": address, "users": []map[string]any{{"username": "hq", "password": "the hub's own", "client": "hq"}}}
	h.Write()
	return h
}

// invited returns a token.
func invited(t *testing.T, h *testkit.Site, args ...string) string {
	t.Helper()
	code, out, said := testkit.Output(t, append(append([]string{"invite"}, args...), h.File)...)
	if code != 0 || !strings.HasPrefix(out, "msync1_") || strings.Count(out, "\n") != 1 {
		t.Fatalf("invite: exit code %d\n%s%s", code, out, said)
	}
	if strings.Contains(said, out[:30]) {
		t.Errorf("the token is also in\n%s", said)
	}
	return strings.TrimSpace(out)
}

// store is a database that is to join, and the file that is to be written.
func store(t *testing.T) (s *testkit.Site, args []string) {
	t.Helper()
	s = testkit.NewSite(t, testkit.Shared(t), &testkit.Broker{}, "store", nil, nil, nil)
	dir := t.TempDir()
	s.File = filepath.Join(dir, "store.json")
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(s.Server.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, []string{s.File, "--mysql-host", s.Server.Host, "--mysql-port", strconv.Itoa(s.Server.Port), "--mysql-user", s.Server.User, "--mysql-password-file", password,
		"--mysql-database", s.Schema, "--queue-directory", t.TempDir()}
}

// joins runs join, which has to end with this exit code.
func joins(t *testing.T, want int, token string, args []string, more ...string) string {
	t.Helper()
	code, out, said := testkit.Output(t, append(append([]string{"join", token}, args...), more...)...)
	if code != want {
		t.Fatalf("join: exit code %d, want %d\n%s%s", code, want, out, said)
	}
	if strings.Contains(out+said, token[7:60]) {
		t.Errorf("the token is printed:\n%s%s", out, said)
	}
	return out + said
}

// begins runs the node of a store that has joined.
func begins(t *testing.T, s *testkit.Site) {
	t.Helper()
	s.Node = testkit.Node(t, s.File)
	s.Node.WaitLog("node started")
}

// joinsByLogin is store-17, which has joined with a login that was made for it, and rows of which travel both ways.
func joinsByLogin(t *testing.T, h *testkit.Site) *testkit.Site {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, args := store(t)
	joins(t, 0, invited(t, h, "store-17", "--broker-user", "store-17", "--broker-password-file", password), args, "--yes")
	begins(t, s)
	s.Expect(`SELECT * FROM prices`, `1|"9.99"`)
	s.Exec(`INSERT INTO orders VALUES (2, 'from the store', 2)`)
	h.Expect(`SELECT name FROM orders`, `"from the store"`)
	return s
}

// A store joins with its token, rows travel both ways, it is dismissed, and nothing travels any more.
func TestAStoreJoinsAndIsDismissed(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	has(t, h.Run(1, "sites"), "start the node once first")
	h.Start()
	has(t, h.Run(0, "sites"), "no site has joined, and none is invited")
	token := invited(t, h, "store-17")
	has(t, h.Run(0, "sites"), "store-17", "invited", "for 1 use, until ")
	s, args := store(t)
	has(t, joins(t, 1, token, args, "--mysql-database", h.Schema, "--yes"), "another mysql-sync node, or a command, is using the database "+h.Schema)
	has(t, joins(t, 2, token, args), "--yes is missing: orders, prices would have to be created")
	if _, err := os.Stat(s.File); err == nil {
		t.Fatal("a configuration is written before the tables are there")
	}
	has(t, joins(t, 0, token, args, "--yes"), "Created: orders, prices", "store-17 has joined hq", "mysql-sync run ") // again, by the same key
	if info, err := os.Stat(s.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Stat(s.File + ".joining"); err == nil {
		t.Error("the site's key is left behind")
	}
	has(t, joins(t, 2, token, args, "--yes"), "already exists")
	begins(t, s)
	has(t, s.Run(0, "check"), "hq")
	s.Expect(`SELECT * FROM prices`, `1|"9.99"`)
	h.Exec(`INSERT INTO orders VALUES (1, 'from the hub', 1)`)
	s.Expect(`SELECT name FROM orders`, `"from the hub"`)
	s.Exec(`INSERT INTO orders VALUES (2, 'from the store', 2)`)
	h.Expect(`SELECT name FROM orders WHERE id = 2`, `"from the store"`)
	has(t, h.Run(0, "sites"), "store-17", "in ")
	has(t, h.Run(0, "status"), "store-17", "online")
	has(t, h.Run(0, "verify", "--remote", "store-17"), "equal")

	code, out, said := testkit.Output(t, "invite", "store-17", h.File)
	if code != 1 || out != "" || !strings.Contains(said, "store-17 has joined already, and a token made now would open nothing: first shut it out, with mysql-sync sites --dismiss store-17") {
		t.Errorf("exit code %d\n%s%s", code, out, said)
	}

	other, others := store(t)
	has(t, joins(t, 1, token, others, "--yes"), "the token is used up")
	if got, err := other.Rows(`SHOW TABLES`); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}

	has(t, h.Run(0, "sites", "--dismiss", "store-17"), "store-17 is dismissed")
	h.Node.WaitLog("a site is shut out")
	s.Node.WaitLog("no connection to the broker")
	has(t, h.Run(0, "sites"), "store-17", "dismissed")
	h.Exec(`INSERT INTO orders VALUES (3, 'not for the store', 3)`)
	s.Exec(`INSERT INTO orders VALUES (4, 'not for the hub', 4)`)
	h.Run(2, "verify", "--remote", "store-17")
	mate, mates := store(t)
	joins(t, 0, invited(t, h, "store-*"), mates, "--yes", "--client", "store-18")
	begins(t, mate)
	mate.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2", "3") // so the hub has sent, and receives
	mate.Exec(`INSERT INTO orders VALUES (5, 'from another', 5)`)
	h.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2", "3", "5")
	s.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2", "4")
	has(t, h.Run(1, "sites", "--dismiss", "store-17"), "it is dismissed already")
	has(t, h.Run(1, "sites", "--dismiss", "nobody"), "no site of this name has asked to join")

	s.Node.Stop() // a dismissed site comes back only by a new invitation for its name, and begins anew
	if err := os.Rename(s.File, s.File+".old"); err != nil {
		t.Fatal(err)
	}
	has(t, joins(t, 1, invited(t, h, "store-1*"), args, "--client", "store-17"), "the hub has dismissed this site")
	has(t, joins(t, 0, invited(t, h, "store-17"), args), "store-17 has joined hq")
	begins(t, s)
	s.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2", "3", "4", "5")
	h.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2", "3", "4", "5")
}

// A site that is dismissed while the hub is stopped stays out too, even by an older backup of the hub's database. The hub, whose
// user is another than that of the command, can read where that is recorded.
func TestASiteDismissedAtAStoppedHubStaysOut(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	queue := t.TempDir()
	h.Config["queueDirectory"] = queue
	h.Write()
	h.Start()
	_, args := store(t)
	joins(t, 0, invited(t, h, "store-17"), args, "--yes")
	h.Node.Stop()
	records, file := filepath.Join(queue, "hq.records"), filepath.Join(queue, "hq.dismissed")
	if os.Getuid() == 0 {
		if err := os.Chown(records, 12345, 54321); err != nil {
			t.Fatal(err)
		}
	}
	h.Exec(`CREATE TABLE backup SELECT * FROM sync_sites`)

	// A command that finds no files of the hub says so, and can be repeated where they are.
	if err := os.Rename(records, records+".elsewhere"); err != nil {
		t.Fatal(err)
	}
	has(t, h.Run(1, "sites", "--dismiss", "store-17"), "store-17 is dismissed, but", "hq.records", "repeat the command")
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is written to a folder that is not the hub's")
	}
	if err := os.Rename(records+".elsewhere", records); err != nil {
		t.Fatal(err)
	}
	has(t, h.Run(0, "sites", "--dismiss", "store-17"), "store-17 is dismissed")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || owners(t, file) != owners(t, records) {
		t.Fatalf("%v, %v", info, err)
	}
	has(t, h.Run(1, "sites", "--dismiss", "store-17"), "it is dismissed already")

	h.Exec(`REPLACE INTO sync_sites SELECT * FROM backup`)
	has(t, h.Run(0, "sites", "--json"), `"site":"store-17","state":"dismissed"`)
	h.Start()
	h.Node.WaitLog("a site is dismissed again")
	has(t, h.Run(0, "sites", "--json"), `"site":"store-17","state":"dismissed"`, `"since"`)
}

// Each token that does not work is refused with the reason.
func TestTokensThatDoNotWorkAreRefused(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	h.Start()
	s, args := store(t)
	good := invited(t, h, "store-1")
	for wrong, want := range map[string]string{
		good[:len(good)-1]: "mistyped", strings.Replace(good, good[50:52], "xx", 1): "mistyped", "hello": "not a token", "msync9_abc": "newer version",
	} {
		code, out, said := testkit.Output(t, append([]string{"join", wrong}, args...)...)
		if code != 2 || !strings.Contains(said, want) {
			t.Errorf("%.20s: exit code %d\n%s%s", wrong, code, out, said)
		}
	}
	withdrawn := invited(t, h, "store-2")
	has(t, h.Run(0, "sites", "--withdraw", "store-2"), "1 invitation was withdrawn")
	// A token of another hub at the same broker's address, as after a reinstallation.
	other := joinable(t, nil)
	other.Start()
	foreign := invited(t, other, "store-2", "--broker", "mqtt://"+h.Block("broker")["listen"].(string))
	s2, args2 := store(t)
	said := make(chan string)
	go func() { // at the same time: each takes a while to give up
		_, out, told := testkit.Output(t, append([]string{"join", foreign}, args2...)...)
		said <- out + told
	}()
	has(t, joins(t, 1, withdrawn, args), "still trying", "the broker refuses the token's login")
	has(t, <-said, "the broker refuses the token's login", "is not of the hub at this address")

	expired := invited(t, h, "store-3")
	h.Exec(`UPDATE sync_invitations SET until_at = UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE WHERE site = 'store-3'`)
	has(t, joins(t, 1, expired, args), "the token has expired")

	for _, file := range []string{s.File, s2.File} {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is written", file)
		}
	}
}

// Where a token's login does not end with its invitation, the hub itself says that it was withdrawn, even to a site that waits
// for a person, and after a restart.
func TestAWithdrawnTokenIsToldAsSuch(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	delete(h.Config, "broker")
	h.Config["mqttConfig"] = testkit.Mosquitto(t, testkit.MosquittoOptions{}).Keys()
	h.Write()
	h.Start()
	_, args := store(t)
	token := invited(t, h, "store-1")
	has(t, h.Run(0, "sites", "--withdraw", "store-1"), "1 invitation was withdrawn")
	has(t, joins(t, 1, token, args), "the invitation was withdrawn at the hub")

	token = invited(t, h, "store-2", "--ask")
	site := testkit.Process(t, func() *exec.Cmd { return testkit.Command(t, append([]string{"join", token}, args...)...) })
	site.WaitLog("A person at the hub has to let this site in") // the database says so before the site is answered
	h.Node.Kill()
	h.Start()
	has(t, h.Run(0, "sites", "--withdraw", "store-2"), "1 invitation was withdrawn")
	site.WaitLog("the invitation was withdrawn at the hub")
	if code := site.ExitCode(); code != 1 {
		t.Errorf("join: exit code %d", code)
	}
}

// A person lets a site in.
func TestAPersonLetsASiteIn(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	h.Start()
	token := invited(t, h, "store-*", "--uses", "2", "--ask")
	s, args := store(t)
	ended := make(chan string)
	go func() {
		code, out, said := testkit.Output(t, append([]string{"join", token, "--yes", "--client", "store-9"}, args...)...)
		ended <- fmt.Sprint(code, "\n", out, said)
	}()
	var shown struct{ Site, State, Words string }
	testkit.Eventually(t, "the site that asks", func() error {
		for line := range strings.Lines(h.Run(0, "sites", "--json")) {
			if err := json.Unmarshal([]byte(line), &shown); err != nil {
				return err
			}
			if shown.State == "asking" {
				return nil
			}
		}
		return fmt.Errorf("%+v", shown)
	})
	has(t, h.Run(0, "sites"), "compare "+shown.Words+", then: mysql-sync sites "+h.File+" --accept store-9")
	testkit.Eventually(t, "the problem", func() error {
		if _, out, _ := testkit.Output(t, "status", h.File); !strings.Contains(out, "The site store-9 ("+shown.Words+") asks to join.") {
			return errors.New(out)
		}
		return nil
	})
	has(t, h.Run(0, "sites", "--accept", "store-9"), "store-9 is let in")
	out := <-ended
	has(t, out, "0\n", "are the same there: "+shown.Words, "store-9 has joined hq")
	begins(t, s)
	s.Expect(`SELECT * FROM prices`, `1|"9.99"`)
	has(t, h.Run(1, "sites", "--accept", "store-9"), "does not wait to be let in")
}

// Mistakes in a command are reported before anything is done.
func TestInvitationsAreChecked(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	b := h.Block("broker")
	b["users"] = append(b["users"].([]map[string]any), map[string]any{"username": "u", "password": "p", "client": "store-bound"})
	h.Write()
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"shop-1"}, "shop-1 is not covered by the patterns of this node (store-*)"}, {[]string{"hq"}, "is named in the configuration"}, {[]string{"store-bound"}, "is named in the configuration"}, {[]string{"a b"}, "is neither a client name"},
		{[]string{"shop-*"}, "is not covered"}, {[]string{"store-1", "--uses", "2"}, "one name is for one site"}, {[]string{"store-1", "--uses", "0"}, "--uses: 0"},
		{[]string{"store-1", "--for", "1s"}, "--for"}, {[]string{"store-1", "--for", "soon"}, "--for"}, {[]string{"store-1", "--broker", "ftp://x"}, "--broker"},
		{[]string{"store-1", "--broker", "mqtt://u:p@x"}, "--broker"}, {[]string{"store-1", "--broker-user", "u"}, "the embedded broker makes the site's login itself"},
		{[]string{"store-1", "--broker", "mqtts://x", "--broker-ca", h.File}, "contains no PEM certificate"},
	} {
		code, out, said := testkit.Output(t, append(append([]string{"invite"}, x.args...), h.File)...)
		if code != 2 || out != "" || !strings.Contains(said, x.want) {
			t.Errorf("%v: exit code %d\n%s%s, want %q", x.args, code, out, said, x.want)
		}
	}
	h.Config["remoteClients"] = []string{"node-b"}
	h.Write()
	has(t, func() string { _, _, said := testkit.Output(t, "invite", "store-1", h.File); return said }(), "remoteClients has no pattern")
}

// At Mosquitto, with the rules that acl prints, a store joins with the login that was made for it.
func TestAStoreJoinsAtABrokerWithRules(t *testing.T) {
	t.Parallel()
	h := joinable(t, map[string]any{"topicPrefix": "acme"})
	delete(h.Config, "broker")
	h.Config["mqttConfig"] = map[string]any{"host": "127.0.0.1", "username": "hq", "password": "one"}
	h.Write()
	code, acl, said := testkit.Output(t, "acl", h.File, "--client", "store-17", "--joins", "hq", "--topic-prefix", "acme", "--no-version-1")
	if code != 0 {
		t.Fatal(said)
	}
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"hq": "one", "store-17": "two"}, ACLText: acl})
	h.Config["mqttConfig"] = map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp", "username": "hq", "password": "one"}
	h.Write()
	h.Start()
	_, _, said = testkit.Output(t, "invite", "store-17", h.File)
	has(t, said, "--broker-user is missing: the broker has logins")
	s := joinsByLogin(t, h)
	has(t, h.Run(0, "sites", "--dismiss", "store-17"), "store-17 is dismissed", "Remove its login at the broker as well.")
	h.Node.WaitLog("a remote is no longer in remoteClients") // the node without it works
	s.Exec(`INSERT INTO orders VALUES (3, 'not for the hub', 3)`)
	h.Node.WaitLog("message refused")
	h.Expect(`SELECT id FROM orders`, "2")
}

// Over TLS, with routes: each store that joins gets its part, and a remote that the file names, without keys, gets all.
func TestStoresThatJoinHaveTheirRoutes(t *testing.T) {
	t.Parallel()
	certs := testkit.Certs(t)
	h := joinable(t, map[string]any{"remoteClients": []string{"report", "store-*"}, "routes": map[string]any{"orders": map[string]any{"column": "name", "remote": "store-{value}"}},
		"routeOptions": map[string]any{"also": []string{"report"}}, "conflictPolicy": map[string]any{"orders": "merge"}, "fleet": true})
	h.Exec(`CREATE INDEX by_store ON orders (name)`, `INSERT INTO orders VALUES (1, '17', 1), (2, '18', 2), (3, '19', 3)`)
	b := h.Block("broker")
	b["cert"], b["key"] = certs.ServerCert, certs.ServerKey
	b["users"] = append(b["users"].([]map[string]any), map[string]any{"username": "report", "password": "a report", "client": "report"})
	h.Write()
	h.Start()
	report := newSite(t, &testkit.Broker{}, "report", []string{"hq"}, map[string]any{"mqttConfig": map[string]any{"host": "mqtts://" + b["listen"].(string), "ca": certs.CA, "username": "report", "password": "a report"},
		"receiveTables": []string{"orders", "prices"}}, orders, `CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(10,2))`)
	report.Start()
	report.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2", "3")
	token := invited(t, h, "store-*", "--uses", "2", "--broker", "mqtts://"+b["listen"].(string), "--broker-ca", certs.CA)
	stores := map[string]*testkit.Site{}
	for _, n := range []string{"17", "18"} {
		s, args := store(t)
		joins(t, 0, token, args, "--yes", "--client", "store-"+n)
		begins(t, s)
		stores[n] = s
	}
	stores["17"].Expect(`SELECT id FROM orders`, "1")
	stores["18"].Expect(`SELECT id FROM orders`, "2")
	h.Exec(`UPDATE orders SET name = '18' WHERE id = 1`)
	stores["17"].Expect(`SELECT id FROM orders`)
	stores["18"].Expect(`SELECT id FROM orders ORDER BY id`, "1", "2")
	stores["18"].Exec(`UPDATE orders SET price = 7 WHERE id = 2`)
	h.Expect(`SELECT price FROM orders WHERE id = 2`, `"7.00"`)
	report.Expect(`SELECT price FROM orders WHERE id = 2`, `"7.00"`)
	has(t, h.Run(0, "verify"), "store-17", "store-18", "report", "equal")
	has(t, h.Run(0, "fleet"), "store-17", "store-18", "report")
	has(t, h.Run(0, "check"), "store-17", "store-18")
	has(t, h.Run(0, "pause", "--remote", "store-17"), "paused: all tables to store-17")
	has(t, stores["18"].Run(0, "check"), "hq")
}

// A join that is killed anywhere can be repeated with the same token, which lets one site in; in the end it runs the node itself.
func TestAKilledJoinIsRepeated(t *testing.T) {
	t.Parallel()
	h := joinable(t, nil)
	h.Start()
	token := invited(t, h, "store-17")
	s, args := store(t)
	file := func(path string) func() error { return func() error { _, err := os.Stat(path); return err } }
	row := func(of *testkit.Site, query string) func() error {
		return func() error {
			if got, err := of.Rows(query); err != nil || got == "" {
				return fmt.Errorf("%q, %w", got, err)
			}
			return nil
		}
	}
	for what, reached := range map[string]func() error{
		"its key":          file(s.File + ".joining"),
		"to be let in":     row(h, `SELECT 1 FROM sync_sites`),
		"the first table":  row(s, `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'orders'`),
		"the second table": row(s, `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'prices'`),
	} {
		c := testkit.Command(t, append([]string{"join", "-"}, append(args, "--yes")...)...)
		c.Stdin = strings.NewReader(token)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, what, reached)
		_ = c.Process.Kill() // it may have ended
		if err := c.Wait(); err == nil {
			if err := os.Remove(s.File); err != nil { // it was quicker: another site has to be invited
				t.Fatal(err)
			}
			has(t, h.Run(0, "sites", "--dismiss", "store-17"), "is dismissed")
			token = invited(t, h, "store-17")
		}
	}
	c := testkit.Command(t, append([]string{"join", "-"}, append(args, "--yes", "--start")...)...)
	c.Stdin = strings.NewReader(token)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.Expect(`SELECT * FROM prices`, `1|"9.99"`)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("the node ends with %v", err)
	}
	has(t, h.Run(0, "sites"), "store-17", "in ")
}

// With Mosquitto's dynamic security set up as in the manual, a store joins, and a dismissed one is shut out.
func TestTheManualsDynamicSecurityLetsAStoreJoin(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/fleets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(manual), "  mosquitto_ctrl dynsec createClient")
	block, _, ok := strings.Cut("mosquitto_ctrl dynsec createClient"+block, "```")
	if !ok {
		t.Fatal("the manual has no commands for dynamic security")
	}
	commands, disable, ok := strings.Cut(block, "  mosquitto_ctrl dynsec disableClient store-17")
	if !ok {
		t.Fatal("the manual does not say how a site is shut out")
	}
	security := filepath.Join(t.TempDir(), "security.json")
	shell := func(script string) {
		t.Helper()
		if out, err := exec.Command("bash", "-ec", script).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, script)
		}
	}
	shell("mosquitto_ctrl dynsec init " + security + " admin root")
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"admin": "root"}, Extra: []string{
		"plugin " + testkit.MosquittoPlugin(t, "mosquitto_dynamic_security.so"), "plugin_opt_config_file " + security}})
	ctrl := fmt.Sprintf("mosquitto_ctrl() { command mosquitto_ctrl -h %s -p %d -u admin -P root \"$@\"; }\n", b.Host, b.Port)
	store17 := strings.Replace(commands, "createClient store-17", "createClient store-17 -p two", 1)
	hq := strings.NewReplacer("/join/hq", "/JOINED/hq", "/joined/hq", "/join/hq", "store-17", "hq", "-p two", "-p one").Replace(store17)
	shell(ctrl + store17 + strings.ReplaceAll(hq, "/JOINED/", "/joined/"))

	h := joinable(t, nil)
	delete(h.Config, "broker")
	h.Config["mqttConfig"] = map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp", "username": "hq", "password": "one"}
	h.Write()
	h.Start()
	s := joinsByLogin(t, h)
	shell(ctrl + "mosquitto_ctrl dynsec disableClient store-17 " + strings.TrimSpace(strings.SplitN(disable, "#", 2)[0]))
	s.Node.WaitLog("no connection to the broker")
}
