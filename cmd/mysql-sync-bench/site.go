package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// serverFlags are the flags of every database server, ours and native; -flush adds another. Both
// kinds keep MariaDB's defaults for what is on disk at a commit.
var serverFlags = []string{"--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M", "--sync-binlog=0", "--max-connections=500"}

// binlogFlags are what native replication also needs; our servers get them too unless
// -binlog=false.
var binlogFlags = []string{"--log-bin", "--binlog-format=ROW"}

const (
	interval = 10               // checkInterval of all nodes, in ms
	patience = 30 * time.Minute // maximum wait for replication
)

// newServer starts a database server. Each has its own ID.
func (b *bench) newServer(binlog bool, more ...string) *testkit.Database {
	flags := append([]string{fmt.Sprintf("--server-id=%d", nextServer()),
		fmt.Sprintf("--innodb-flush-log-at-trx-commit=%d", b.s.Flush)}, serverFlags...)
	if binlog {
		flags = append(flags, binlogFlags...)
	}
	s := testkit.MariaDB(b, append(flags, more...)...)
	b.versions["MariaDB"], b.versions["Go"] = s.Version, strings.TrimPrefix(runtime.Version(), "go")
	return s
}

var servers int

func nextServer() int {
	servers++
	return servers
}

// newBroker starts a broker of the kind in the settings.
func (b *bench) newBroker() *testkit.Broker {
	broker := testkit.BrokerOf(b, b.s.Broker, nil)
	if b.s.Broker != "mosquitto" {
		return broker
	}
	if said, _ := exec.Command("mosquitto", "-h").Output(); len(said) > 0 { // it exits with 1
		first, _, _ := strings.Cut(string(said), "\n")
		b.versions["Mosquitto"] = strings.TrimPrefix(strings.TrimSpace(first), "mosquitto version ")
	}
	return broker
}

// site is a schema with its users, and the node that replicates it, if any.
type site struct {
	b      *bench
	name   string
	server *testkit.Database
	schema string
	db     *sqlx.DB // used by the users
	file   string   // the node's configuration
	node   *testkit.NodeProcess
}

// newSite makes a schema with the two tables, without writing to a binary log.
func (b *bench) newSite(name string, server *testkit.Database, schema string) *site {
	s := &site{b: b, name: name, server: server, schema: schema}
	s.db = server.Open(b, schema)
	s.db.SetMaxIdleConns(16)
	root := server.Open(b, "")
	s.quietly(root, "CREATE DATABASE "+schema, "USE "+schema, fmt.Sprintf(createOrders, "orders"), fmt.Sprintf(createOrders, "staging"))
	return s
}

// quietly runs statements without writing to a binary log.
func (s *site) quietly(db *sqlx.DB, statements ...string) {
	conn, err := db.Connx(s.b.ctx)
	s.b.must("connect to "+s.name, err)
	defer func() { _ = conn.Close() }()
	for _, q := range append([]string{"SET sql_log_bin = 0"}, statements...) {
		_, err := conn.ExecContext(s.b.ctx, q)
		s.b.must("prepare "+s.name, err)
	}
	_, err = conn.ExecContext(s.b.ctx, "SET sql_log_bin = 1")
	s.b.must("prepare "+s.name, err)
}

// configure writes the configuration of the site's node; extra holds more keys, and nil for those that it must not have.
func (s *site) configure(broker *testkit.Broker, remotes []string, extra map[string]any) {
	server := broker.Server()
	c := map[string]any{
		"clientName":     s.name,
		"remoteClients":  remotes,
		"syncTables":     []string{"orders"},
		"receiveTables":  []string{"orders"},
		"checkInterval":  interval,
		"initialSync":    "none",
		"verifyInterval": 0,
		"mqttConfig":     map[string]any{"host": server.Host, "port": server.Port, "clean": s.b.s.Broker != "nats"},
		"mysqlConfig":    s.server.Keys(s.schema),
	}
	if s.b.s.Capture != "trigger" { // which is the default, also of versions before the key
		c["capture"] = s.b.s.Capture
	}
	maps.Copy(c, extra)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	s.file = testkit.ConfigFile(s.b, c)
}

// startNode starts the site's node, for the first time or again.
func (s *site) startNode() {
	if s.node == nil {
		s.node = testkit.Node(s.b, s.file)
		return
	}
	s.node.Start()
}

// stopNode stops the site's node cleanly.
func (s *site) stopNode() {
	if code := s.node.Stop(); code != 0 {
		s.b.Fatalf("stop node %s: exit code %d", s.name, code)
	}
}

// exec runs a statement as a user would.
func (s *site) exec(query string, args ...any) {
	_, err := s.db.ExecContext(s.b.ctx, query, args...)
	s.b.must("write at "+s.name, err)
}

// number queries one number.
func (s *site) number(query string, args ...any) (n int64, err error) {
	err = s.db.GetContext(s.b.ctx, &n, query, args...)
	return n, err
}

// memory is the peak memory of the site's node in MiB.
func (s *site) memory() float64 {
	m, err := peak(s.node.Pid())
	s.b.must("read the memory of node "+s.name, err)
	return m
}

// until waits until done returns true, and returns the time at which it was last called: its answer
// held by then. The pauses are a few times as long as a call takes, so that polling costs little.
func (b *bench) until(what string, done func(ctx context.Context) (bool, error)) time.Time {
	var last error
	for limit := time.Now().Add(patience); ; {
		asked := time.Now()
		ok, err := done(b.ctx)
		if ok {
			return asked
		}
		if err != nil {
			last = err
		}
		if asked.After(limit) {
			b.Fatalf("waited %v for %s; the last error was %v", patience, what, last)
		}
		b.pause(max(5*time.Millisecond, min(4*time.Since(asked), time.Second)))
	}
}
