package testkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Site is one place in a test: a database, its users, and a node of the real binary. Its methods are for one goroutine.
type Site struct {
	TB     TB
	Name   string
	Server *Database
	Schema string
	DB     *sqlx.DB       // the users'
	Config map[string]any // of the node: see Write
	File   string         // the configuration's; empty until it is written
	Node   *NodeProcess   // nil until the first Start
}

// NewSite makes a schema and the configuration of a client that syncs tables with remotes; extra
// holds keys to add or replace. It starts nothing.
func NewSite(tb TB, server *Database, b *Broker, name string, remotes, tables []string, extra map[string]any) *Site {
	tb.Helper()
	s := &Site{TB: tb, Name: name, Server: server, Schema: server.Create(tb)}
	s.DB = server.Open(tb, s.Schema)
	s.Config = map[string]any{
		"clientName":    name,
		"remoteClients": remotes,
		"syncTables":    tables,
		"receiveTables": tables,
		"checkInterval": 60, // many nodes run at a time: at 10, polling is a third of what the tests cost
		"mqttConfig":    b.Keys(),
		"mysqlConfig":   server.Keys(s.Schema),
	}
	if fromLog(tb) {
		s.Config["capture"] = "log"
	}
	maps.Copy(s.Config, extra)
	return s
}

// Keys is the mysqlConfig of a node for a schema of this server.
func (d *Database) Keys(schema string) map[string]any {
	return map[string]any{"host": d.Host, "port": d.Port, "user": d.User, "password": d.Password, "database": schema}
}

// Keys is the mqttConfig of a node that uses this broker without a login; for a cluster, as docs/brokers.md says.
func (b *Broker) Keys() map[string]any {
	server := b.Server()
	keys := map[string]any{"host": server.Host, "port": server.Port, "protocol": "tcp"}
	if len(b.Cluster) > 0 {
		keys["clean"] = false
	}
	return keys
}

// String is the client's name.
func (s *Site) String() string { return s.Name }

// Block is a block of the configuration, to change before it is written.
func (s *Site) Block(key string) map[string]any { return s.Config[key].(map[string]any) }

// Write writes the current configuration and returns its file. The first Start does that too.
func (s *Site) Write() string {
	s.TB.Helper()
	if s.File == "" {
		s.File = ConfigFile(s.TB, s.Config)
		return s.File
	}
	text, err := json.Marshal(s.Config)
	if err == nil {
		err = os.WriteFile(s.File, text, 0o600)
	}
	if err != nil {
		s.TB.Fatalf("write the configuration of %s: %v", s.Name, err)
	}
	return s.File
}

// Script writes a transformer. The first must come before the configuration is written, since that names the folder.
func (s *Site) Script(table, text string) {
	s.TB.Helper()
	dir, ok := s.Config["transformerDirectory"].(string)
	if !ok {
		dir = folder(s.TB, "")
		s.Config["transformerDirectory"] = dir
	}
	if err := os.WriteFile(filepath.Join(dir, table+".js"), []byte(text), 0o600); err != nil {
		s.TB.Fatalf("write the transformer of %s: %v", table, err)
	}
}

// Through makes the node reach a server through a proxy; block is mqttConfig or mysqlConfig. Call
// it before the configuration is written.
func (s *Site) Through(block, addr string) *Proxy {
	s.TB.Helper()
	p := NewProxy(s.TB, addr)
	host, port, err := net.SplitHostPort(p.Addr())
	if err == nil {
		s.Block(block)["host"] = host
		s.Block(block)["port"], err = strconv.Atoi(port)
	}
	if err != nil {
		s.TB.Fatalf("reach %s through a proxy: %v", addr, err)
	}
	return p
}

// Start starts the node, for the first time or again, and waits until it replicates.
func (s *Site) Start() {
	s.TB.Helper()
	if s.Node != nil {
		s.Node.Start()
	} else {
		s.Node = Node(s.TB, s.Write())
	}
	s.Node.WaitLog("node started")
}

// Stop ends the node, which must exit with 0.
func (s *Site) Stop() {
	s.TB.Helper()
	if code := s.Node.Stop(); code != 0 {
		s.TB.Fatalf("stop node %s: exit code %d", s.Name, code)
	}
}

// Run runs a command of the binary with the site's configuration and returns its output. The exit code must be the
// given one.
func (s *Site) Run(want int, command string, args ...string) string {
	s.TB.Helper()
	code, out, said := Output(s.TB, append(append(strings.Fields(command), s.File), args...)...)
	if code != want {
		s.TB.Fatalf("mysql-sync %s %v of %s: exit code %d, want %d\n%s%s", command, args, s.Name, code, want, out, said)
	}
	return out + said
}

// Exec runs statements as the users do.
func (s *Site) Exec(statements ...string) {
	s.TB.Helper()
	for _, q := range statements {
		if _, err := s.DB.Exec(q); err != nil {
			s.TB.Fatalf("%s: %v\n%s", s.Name, err, q)
		}
	}
}

// Rows returns the result of a query as text: one line per row, columns separated by |, texts quoted.
func (s *Site) Rows(query string) (string, error) {
	list, err := s.DB.Queryx(query)
	if err != nil {
		return "", err
	}
	defer func() { _ = list.Close() }()
	var b strings.Builder
	for list.Next() {
		row, err := list.SliceScan()
		if err != nil {
			return "", err
		}
		for i, v := range row {
			if i > 0 {
				b.WriteByte('|')
			}
			switch v := v.(type) {
			case nil:
				b.WriteString("NULL")
			case []byte:
				fmt.Fprintf(&b, "%q", v)
			default:
				fmt.Fprintf(&b, "%v", v)
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), list.Err()
}

// Expect waits until a query returns the wanted lines, as Rows writes them.
func (s *Site) Expect(query string, want ...string) {
	s.TB.Helper()
	text := strings.Join(want, "\n")
	if text != "" {
		text += "\n"
	}
	Eventually(s.TB, s.Name+": "+query, func() error {
		got, err := s.Rows(query)
		if err == nil && got != text {
			err = fmt.Errorf("got\n%swant\n%s", got, text)
		}
		return err
	})
}

// Recorded waits until the node, which must run, has recorded all that the users have written. With triggers, their entries tell;
// what it has read of the log only the node knows.
func (s *Site) Recorded() {
	s.TB.Helper()
	if s.Config["capture"] != "log" {
		s.Expect(`SELECT COUNT(*) FROM table_changes`, `0`)
		return
	}
	begun := time.Now()
	Eventually(s.TB, s.Name+" to have recorded all writes", func() error {
		_, out, said := Output(s.TB, "status", s.File, "--json")
		var state struct {
			Now        time.Time // when it looked
			Capture    struct{ By string }
			Uncaptured struct{ Rows int64 }
			Problems   []string
		}
		if err := json.Unmarshal([]byte(out), &state); err != nil {
			return fmt.Errorf("%w\n%s", err, said)
		}
		unreadable := slices.ContainsFunc(state.Problems, func(p string) bool { return strings.HasPrefix(p, "The node's own tables cannot be read") })
		if state.Now.Before(begun) || state.Capture.By != "log" || state.Uncaptured.Rows > 0 || unreadable {
			return fmt.Errorf("it says %+v", state)
		}
		return nil
	})
}

// Later makes sure that what is written from now on at other sites, whose nodes may be stopped, counts as later than what this one
// has written. MariaDB's log has only seconds; what a node reads at once is dated by its reading.
func (s *Site) Later() {
	s.TB.Helper()
	if s.Node.Runs() {
		s.Recorded()
	}
	if s.Config["capture"] != "log" || !strings.Contains(s.Server.Version, "MariaDB") {
		return
	}
	now, err := s.Rows(`SELECT UNIX_TIMESTAMP()`)
	if err != nil {
		s.TB.Fatalf("%s: %v", s.Name, err)
	}
	s.Expect(`SELECT UNIX_TIMESTAMP() > `+strings.TrimSpace(now), `1`)
}
