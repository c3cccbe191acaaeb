package main_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// shop makes a schema with some tables that can be synced and some that cannot.
func shop(t *testing.T) (server *testkit.Database, schema string) {
	t.Helper()
	server = testkit.Shared(t)
	schema = server.Create(t)
	for _, q := range []string{orders, `CREATE TABLE items (id INT PRIMARY KEY)`, `CREATE TABLE keyless (id INT)`,
		`CREATE TABLE plain (id INT PRIMARY KEY) ENGINE = MyISAM`, `CREATE VIEW seen AS SELECT * FROM orders`} {
		if _, err := server.Open(t, schema).Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return server, schema
}

// ready fails unless a configuration passes check, only its owner may read it, and
// a node starts with it.
func ready(t *testing.T, file string, environment ...string) map[string]any {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%s: %v, %v", file, info, err)
	}
	text, err := os.ReadFile(file)
	var got map[string]any
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	check := testkit.Command(t, "check", file, "--listen", "1ms")
	check.Env = append(check.Env, environment...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	node := testkit.Command(t, "run", file)
	node.Env = append(node.Env, environment...)
	said, err := node.StderrPipe()
	if err == nil {
		err = node.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = node.Process.Kill(), node.Wait() }()
	log := ""
	for b := make([]byte, 4096); !strings.Contains(log, "node started"); {
		n, err := said.Read(b)
		if log += string(b[:n]); err != nil {
			t.Fatalf("the node does not start:\n%s", log)
		}
	}
	return got
}

func TestInitByFlags(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"berlin": "Secret-${1}"}})
	server, schema := shop(t)
	file := filepath.Join(t.TempDir(), "berlin.json")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("Secret-${1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	where := []string{"--mysql-host", server.Host, "--mysql-port", strconv.Itoa(server.Port), "--mysql-user", server.User, "--mysql-database", schema}
	flags := append([]string{"init", file, "--non-interactive", "--client", "berlin", "--remote", "boston,rome", "--broker", "mqtt://" + b.Addr(),
		"--broker-user", "berlin", "--broker-password-file", secret}, where...)

	code, out, said := testkit.Output(t, append(flags, "--table", "orders,keyless,missing")...)
	if code != 1 || !strings.Contains(said, "table keyless: it has no primary key") || !strings.Contains(said, "table missing: does not exist") {
		t.Fatalf("tables that cannot be synced: %d\n%s%s", code, out, said)
	}
	if _, err := os.Stat(file); err == nil {
		t.Fatal("a file was written")
	}
	code, out, said = testkit.Output(t, append(flags, "--table", "orders", "--send-table", "items")...)
	if code != 0 {
		t.Fatalf("init: %d\n%s%s", code, out, said)
	}
	has(t, out[strings.LastIndex(out, "GRANT"):], "At the other sites", "DDL is not replicated",
		"mysql-sync init --client boston --remote berlin,rome --table orders --receive-table items --broker-user boston --broker mqtt://"+b.Addr(),
		"mysql-sync init --client rome --remote berlin,boston --table orders")
	has(t, out, "keyless cannot be synced: it has no primary key", "plain cannot be synced: its engine MyISAM has no transactions", "seen cannot be synced: it is a view",
		"mysql-sync check "+file, "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, TRIGGER, LOCK TABLES ON `"+schema+"`.* TO 'mysql_sync'@")
	got := ready(t, file)
	if w := got["syncTables"].([]any); len(w) != 2 || len(got["receiveTables"].([]any)) != 1 || len(got["remoteClients"].([]any)) != 2 {
		t.Errorf("%v", got)
	}

	// An existing file is kept, unless forced.
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code, _, said = testkit.Output(t, append(flags, "--all-tables")...)
	if after, err := os.ReadFile(file); code != 2 || !strings.Contains(said, "--force") || err != nil || string(after) != string(before) {
		t.Errorf("an existing file: %d\n%s", code, said)
	}
	if code, _, said = testkit.Output(t, append(flags, "--all-tables", "--force")...); code != 0 {
		t.Fatalf("--force: %d\n%s", code, said)
	}
	if got := ready(t, file); len(got["syncTables"].([]any)) != 2 {
		t.Errorf("--all-tables: got %v", got["syncTables"])
	}
	// The configuration of a package belongs to the group that runs the node.
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(file, 0, 65532); err != nil {
			t.Fatal(err)
		}
	}
	was := owners(t, file)
	queue := filepath.Join(t.TempDir(), "state")
	if code, _, said = testkit.Output(t, append(flags, "--all-tables", "--force", "--queue-directory", queue)...); code != 0 {
		t.Fatalf("--force over a file that others read: %d\n%s", code, said)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o640 || owners(t, file) != was {
		t.Errorf("the file had %v, and has %v, %v, %v", was, owners(t, file), info, err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ready(t, file); got["queueDirectory"] != queue {
		t.Errorf("--queue-directory: got %v", got["queueDirectory"])
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".mysql-sync-*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}

	// The file's name determines its format.
	for ext, want := range map[string]string{".yaml": "clientName: berlin\n", ".toml": "clientName = 'berlin'\n"} {
		flags[1] = strings.TrimSuffix(file, ".json") + ext
		if code, _, said = testkit.Output(t, append(flags, "--table", "orders")...); code != 0 {
			t.Fatalf("init %s: %d\n%s", ext, code, said)
		}
		if text, err := os.ReadFile(flags[1]); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v\n%s", ext, err, text)
		}
		if code, out, said = testkit.Output(t, "check", flags[1], "--listen", "1ms"); code != 0 {
			t.Errorf("check of %s: %d\n%s%s", ext, code, out, said)
		}
	}
}

// owners returns user and group of a file.
func owners(t *testing.T, file string) [2]uint32 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	s := info.Sys().(*syscall.Stat_t)
	return [2]uint32{s.Uid, s.Gid}
}

func TestInitReportsWrongFlags(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "node.json")
	for _, test := range []struct {
		code  int
		parts []string
		args  []string
	}{
		{2, []string{"missing --client, --remote, --mysql-user, --mysql-database, --table;"}, []string{file, "--non-interactive"}},
		{2, []string{"not a terminal", "--non-interactive"}, []string{file}},
		{2, []string{"end in one of .json, .yaml"}, []string{file + ".conf", "--non-interactive"}},
		{2, []string{"--client: \"x\"", "--remote: \"two names\"", "--broker: expected a URL"}, []string{file, "--non-interactive", "--client", "x", "--remote", "two names", "--broker", "ftp://x"}},
		{2, []string{"NOT_THERE is not set"}, []string{file, "--mysql-password-env", "NOT_THERE"}},
		{2, []string{"cannot write no/such/folder/node.json"}, []string{"no/such/folder/node.json"}},
		{2, []string{"berlin is this node"}, []string{file, "--client", "berlin", "--remote", "berlin"}},
	} {
		code, out, said := testkit.Output(t, append([]string{"init"}, test.args...)...)
		if code != test.code {
			t.Errorf("%v: exit code %d, want %d", test.args, code, test.code)
		}
		for _, p := range test.parts {
			if !strings.Contains(said, p) {
				t.Errorf("%v: %q is not in\n%s%s", test.args, p, out, said)
			}
		}
	}
}

// TestInitOfANodeThatIsTheBroker reads its users' password from the environment.
// TestInitBySocket also checks that a path relative to this folder works wherever the file is.
func TestInitBySocket(t *testing.T) {
	t.Parallel()
	server, schema := shop(t)
	file := filepath.Join(t.TempDir(), "berlin.json")
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(at, server.Socket)
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range [][]string{{"--mysql-host", server.Socket}, {"--mysql-host", relative}, {"--mysql-socket", relative}} {
		flags := append([]string{"init", file, "--force", "--non-interactive", "--client", "berlin", "--remote", "boston", "--mysql-user", server.User,
			"--mysql-database", schema, "--table", "orders", "--broker", "mqtt://127.0.0.1:1"}, where...)
		code, out, said := testkit.Output(t, flags...)
		text, err := os.ReadFile(file)
		if code != 0 || err != nil || !strings.Contains(string(text), `"socketPath": "`+server.Socket+`"`) || strings.Contains(string(text), `"host": "`+server.Socket) {
			t.Errorf("%s: %d %v\n%s%s%s", where, code, err, text, out, said)
		}
	}
	for _, where := range [][]string{{"--mysql-socket", "none.sock"}, {"--mysql-host", "./none.sock"}, {"--mysql-host", "init_test.go/"}} {
		flags := append([]string{"init", file, "--force", "--non-interactive", "--client", "berlin", "--remote", "boston", "--mysql-user", "u", "--mysql-database", "d", "--table", "t"}, where...)
		if code, _, said := testkit.Output(t, flags...); code != 2 || !strings.Contains(said, where[0]+": ") {
			t.Errorf("%s: %d %s", where, code, said)
		}
	}
}

func TestInitOfANodeThatIsTheBroker(t *testing.T) {
	t.Parallel()
	server, schema := shop(t)
	file := filepath.Join(t.TempDir(), "berlin.json")
	flags := []string{"init", file, "--non-interactive", "--client", "berlin", "--remote", "boston", "--table", "orders", "--mysql-user", server.User,
		"--mysql-socket", server.Socket, "--mysql-database", schema, "--broker-listen", "0.0.0.0:" + strconv.Itoa(testkit.FreePort(t))}
	code, _, said := testkit.Output(t, flags...)
	if code != 2 || !strings.Contains(said, "broker.users") {
		t.Fatalf("a broker that lets everybody in: %d\n%s", code, said)
	}
	if _, err := os.Stat(file); err == nil {
		t.Fatal("a file was written")
	}
	init := testkit.Command(t, append(flags, "--broker-user", "berlin", "--broker-password-env", "SHOP_PASSWORD")...)
	init.Env = append(init.Env, "SHOP_PASSWORD=Secret-c")
	out, err := init.CombinedOutput()
	if err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	if !regexp.MustCompile(`--client boston --remote berlin --table orders --broker mqtt://\S+:\d+ --broker-user berlin\n`).Match(out) {
		t.Errorf("init does not say how the other node reaches the broker:\n%s", out)
	}
	ready(t, file, "SHOP_PASSWORD=Secret-c")
}

// terminal is the real command at a terminal, with a person who answers.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	file *os.File
	end  chan struct{}

	mu   sync.Mutex
	text string
	read int // how far expect has read
}

func openTerminal(t *testing.T, environment []string, args ...string) *terminal {
	t.Helper()
	x := &terminal{t: t, cmd: testkit.Command(t, args...), end: make(chan struct{})}
	x.cmd.Env = append(x.cmd.Env, environment...)
	var err error
	if x.file, err = pty.Start(x.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(x.end)
		b := make([]byte, 4096)
		for {
			n, err := x.file.Read(b)
			x.mu.Lock()
			x.text += string(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = x.cmd.Process.Kill()
		_ = x.file.Close()
		<-x.end
	})
	return x
}

// expect waits for new output that matches, and answers.
func (x *terminal) expect(pattern, answer string) {
	x.t.Helper()
	re := regexp.MustCompile(pattern)
	testkit.Eventually(x.t, pattern, func() error {
		x.mu.Lock()
		defer x.mu.Unlock()
		if at := re.FindStringIndex(x.text[x.read:]); at != nil {
			x.read += at[1]
			return nil
		}
		return errors.New("output:\n" + x.text[x.read:])
	})
	if _, err := x.file.WriteString(answer); err != nil {
		x.t.Fatal(err)
	}
}

// close waits for the command to end and returns its exit code and all output.
func (x *terminal) close() (int, string) {
	x.t.Helper()
	timer := time.AfterFunc(time.Minute, func() { _ = x.cmd.Process.Kill() })
	defer timer.Stop()
	_ = x.cmd.Wait() // the exit code is checked
	<-x.end
	return x.cmd.ProcessState.ExitCode(), x.text
}

func TestInitAsks(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"berlin": "Secret-b"}})
	server, schema := shop(t)
	user := "asked_" + schema
	for _, q := range []string{"CREATE USER " + user + "@'%' IDENTIFIED BY 'Secret-a'", "SET GLOBAL log_bin_trust_function_creators = 1",
		"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, TRIGGER, LOCK TABLES ON " + schema + ".* TO " + user + "@'%'"} {
		if _, err := server.Open(t, "").Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "berlin.json")
	x := openTerminal(t, []string{"MQTT_PASSWORD=Secret-b"}, "init", file)
	x.expect(`Name of this node.*: `, "not a name\n")
	x.expect(`not a name of 2 to 32[^:]*Name of this node.*: `, "berlin\n")
	x.expect(`Database server.*\[localhost:3306\]: `, server.Addr()+"\n")
	x.expect(`User at the database server \[sync\]: `, user+"\n")
	x.expect(`Password .*: `, "wrong\n")
	x.expect(`Access denied(?s:.*)User at the database server \[`+user+`\]: `, "\n") // the server was correct
	x.expect(`Password .*: `, "Secret-a\n")
	x.expect(`Database \[`+schema+`\]: `, "\n")
	x.expect(`keyless cannot be synced: it has no primary key(?s:.*)Tables .*\[all\]: `, "orders, nonsense\n")
	x.expect(`there is no table "nonsense"(?s:.*)Tables .*: `, "order\n")
	x.expect(`there is no table "order"; did you mean orders\?(?s:.*)Tables .*: `, "orders items\n")
	x.expect(`Other nodes.*: `, "berlin\n")
	x.expect(`berlin is this node(?s:.*)Other nodes.*: `, "boston\n")
	x.expect(`Broker.*\[mqtt://localhost:1883\]: `, "mqtts://"+b.Addr()+"\n")
	x.expect(`CA certificate.*: `, "\n")
	x.expect(`User at the broker.*: `, "\n")
	x.expect(`must be mqtt (?s:.*)Broker.*\[mqtt://`+b.Addr()+`\]: `, "\n")
	// Only the login is asked again if that was wrong.
	x.expect(`not Authorized(?s:.*)User at the broker.*: `, "someone\n")
	x.expect(`Password .*MQTT_PASSWORD.*: `, "wrong\n")
	x.expect(`someone(?s:.*)not Authorized`, "")
	x.expect(`User at the broker.*: `, "berlin\n")
	x.expect(`Password .*MQTT_PASSWORD.*: `, "\n")
	code, text := x.close()
	if code != 0 {
		t.Fatalf("init: %d\n%s", code, text)
	}
	if strings.Contains(text, "Secret-") || strings.Contains(text, "wrong") {
		t.Errorf("a password is shown:\n%s", text)
	}
	has(t, text, "written. Next:", "environment variable MQTT_PASSWORD", "mysql-sync init --client boston --remote berlin")
	got := ready(t, file, "MQTT_PASSWORD=Secret-b")
	if got["mqttConfig"].(map[string]any)["password"] != "${MQTT_PASSWORD}" || got["mysqlConfig"].(map[string]any)["password"] != "Secret-a" {
		t.Errorf("%v", got)
	}
}

// What init prints for the other node is what its operator types; a broker that other machines can
// reach must have a login.
func TestInitDoesNotAskForGivenValues(t *testing.T) {
	t.Parallel()
	server, schema := shop(t)
	file := filepath.Join(t.TempDir(), "boston.json")
	listen := "0.0.0.0:" + strconv.Itoa(testkit.FreePort(t))
	x := openTerminal(t, nil, "init", file, "--client", "boston", "--remote", "berlin", "--mysql-host", server.Host, "--mysql-port", strconv.Itoa(server.Port))
	x.expect(`User at the database server.*: `, server.User+"\n")
	x.expect(`Password .*: `, server.Password+"\n")
	x.expect(`Database( \[.*\])?: `, schema+"\n")
	x.expect(`Tables .*\[all\]: `, "orders\n")
	x.expect(`^[^:]*Broker.*: `, "own\n")
	x.expect(`Address to listen on.*: `, "everywhere\n")
	x.expect(`"everywhere" is not an address such as 127.0.0.1:1883\s+Address to listen on.*: `, listen+"\n")
	x.expect(`User at the broker[^:]*: `, "\n")
	x.expect(`needs a login[^:]*User at the broker[^:]*: `, "boston\n")
	x.expect(`Password .*: `, "\n")
	x.expect(`needs a password\s+Password .*: `, "Secret-d\n")
	code, text := x.close()
	if code != 0 {
		t.Fatalf("init: %d\n%s", code, text)
	}
	if got := ready(t, file); len(got["remoteClients"].([]any)) != 1 || got["broker"].(map[string]any)["listen"] != listen {
		t.Errorf("%v", got)
	}
}

func TestInitEndsOnControlC(t *testing.T) {
	t.Parallel()
	server, _ := shop(t)
	file := filepath.Join(t.TempDir(), "berlin.json")
	x := openTerminal(t, nil, "init", file, "--client", "berlin", "--mysql-host", server.Host, "--mysql-user", "u")
	x.expect(`Password .*: `, "\x03")
	if code, text := x.close(); code != 1 {
		t.Errorf("init: exit code %d\n%s", code, text)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written")
	}
}
