package check_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const orders = `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100))`

// site is the checked node, with a configuration that a test may change.
type site struct {
	*testkit.Site
	t *testing.T
}

// newSite makes a schema, runs the statements in it, and returns the configuration of node-a, which
// syncs the table orders with node-b.
func newSite(t *testing.T, server *testkit.Database, b *testkit.Broker, statements ...string) *site {
	t.Helper()
	queue := t.TempDir()
	if err := os.Chmod(queue, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &site{testkit.NewSite(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"queueDirectory": queue}), t}
	delete(s.Block("mqttConfig"), "protocol") // the default
	s.Exec(statements...)
	return s
}

// user creates a user with some privileges and makes the node log in as it.
func (s *site) user(name string, grants ...string) {
	s.t.Helper()
	name += "_" + s.Schema
	s.Exec("CREATE USER " + name + "@'%' IDENTIFIED BY 'Secret-1'")
	for _, g := range grants {
		s.Exec("GRANT " + g + " TO " + name + "@'%'")
	}
	s.Block("mysqlConfig")["user"], s.Block("mysqlConfig")["password"] = name, "Secret-1"
}

const whole = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, TRIGGER, LOCK TABLES"

// start starts a node with the current configuration.
func (s *site) start() *testkit.NodeProcess {
	s.t.Helper()
	s.Write()
	s.Start()
	return s.Node
}

// found has the findings of a run of the real command.
type found struct {
	t    *testing.T
	list []finding.Finding
	text string
}

// check runs the command, which must exit with the given code. A test may choose how long it
// listens to remotes; for most it does not matter.
func (s *site) check(code int, args ...string) found {
	s.t.Helper()
	return checkFile(s.t, code, s.Write(), args...)
}

func checkFile(t *testing.T, code int, file string, args ...string) found {
	t.Helper()
	if len(args) == 0 {
		args = []string{"--listen", "1ms"}
	}
	got, out := run(t, append([]string{"check", file, "--json"}, args...)...)
	f := found{t: t, text: out}
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var one finding.Finding
		if err := d.Decode(&one); err != nil {
			break // standard error
		}
		f.list = append(f.list, one)
	}
	if got != code {
		t.Fatalf("check: exit code %d, want %d:\n%s", got, code, out)
	}
	return f
}

// run runs the real binary and returns its exit code and output.
func run(t *testing.T, args ...string) (code int, text string) {
	t.Helper()
	code, out, said := testkit.Output(t, args...)
	return code, out + said
}

// has fails unless there is a finding with this level and subject whose text and advice contain all
// parts.
func (f found) has(level finding.Level, about string, parts ...string) {
	f.t.Helper()
	for _, x := range f.list {
		all := x.Level == level && x.About == about
		for _, p := range parts {
			all = all && strings.Contains(x.Text+" → "+x.Do, p)
		}
		if all {
			return
		}
	}
	f.t.Errorf("no finding (%s, %s) has %q:\n%s", level, about, parts, f.text)
}

// in returns the findings of a level in an area.
func (f found) in(level finding.Level, area string) (list []finding.Finding) {
	for _, x := range f.list {
		if x.Level == level && x.Area == area {
			list = append(list, x)
		}
	}
	return list
}
