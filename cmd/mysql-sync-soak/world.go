package main

import (
	"context"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// createOrders is the table that both sites have.
const createOrders = `CREATE TABLE orders (
  id BIGINT NOT NULL PRIMARY KEY,
  name VARCHAR(40) CHARACTER SET utf8mb4 NOT NULL,
  amount DECIMAL(10,2) NOT NULL
)`

// world is two sites and the broker between them.
type world struct {
	tb     testkit.TB
	ctx    context.Context
	broker *testkit.Broker
	a, b   *site

	// What a fault sets before the start.
	mosquitto testkit.MosquittoOptions
	mqtt      map[string]any // further keys of mqttConfig
	stormers  int            // of each site; they take the place of the other load
	quiet     bool           // no load but the fault's own
	tables    []string       // CREATE TABLE of further tables; they are synced as well
	clocks    bool           // A has a clock of its own
	disks     bool           // each database has a disk of its own

	turns  int
	ended  int      // servers that ended of what was done to them
	tape   *tape    // nil: nobody listens
	disk   string   // where the broker keeps its sessions
	writes []write  // what the fault itself wrote
	notes  []string // for the table
	gone   kept     // what databases that are no more had kept
}

// site is a place with a database, its users and a node.
type site struct {
	tb     testkit.TB
	name   string
	server *testkit.Database
	schema string
	db     *sqlx.DB // by which the users write; not by way of toDatabase
	file   string   // the node's configuration
	node   *testkit.NodeProcess

	toBroker, toDatabase *testkit.Proxy

	disk  string         // of the site's database; empty: that of this machine
	clock *testkit.Clock // of the site's machine; nil: that of this one
	hold  sync.RWMutex   // held for writing, nobody writes
}

// newWorld starts everything but the nodes. The servers write each commit to disk, as those of the users do.
func newWorld(ctx context.Context, tb testkit.TB, f fault) *world {
	w := &world{tb: tb, ctx: ctx}
	if f.set != nil {
		f.set(w)
	}
	w.broker = testkit.Mosquitto(tb, w.mosquitto)
	w.a, w.b = w.newSite("node-a", "node-b"), w.newSite("node-b", "node-a")
	if w.tape != nil {
		w.tape.start(w)
	}
	if w.clocks {
		w.a.clock = testkit.NewClock(tb)
		w.a.clock.Server(w.a.server)
	}
	return w
}

func (w *world) newSite(name, remote string) *site {
	server := testkit.Server(w.tb, "--innodb-flush-log-at-trx-commit=1")
	s := &site{tb: w.tb, name: name, server: server, schema: server.Create(w.tb)}
	s.db = server.Open(w.tb, s.schema)
	if w.disks {
		s.disk = newDisk(w.tb, "256m")
		server.MoveData(s.disk)
		if _, err := s.db.Exec(`CREATE TABLE ballast (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(7000))`); err != nil {
			w.tb.Fatalf("create ballast at %s: %v", name, err)
		}
	}
	if _, err := s.db.Exec(createOrders); err != nil {
		w.tb.Fatalf("create orders at %s: %v", name, err)
	}
	tables, initial := []string{"orders"}, "missing"
	for _, ddl := range w.tables {
		if _, err := s.db.Exec(ddl); err != nil {
			w.tb.Fatalf("create a table at %s: %v", name, err)
		}
		tables, initial = append(tables, strings.Fields(ddl)[2]), "none" // both sites have the same rows
	}
	s.toBroker, s.toDatabase = testkit.NewProxy(w.tb, w.broker.Addr()), testkit.NewProxy(w.tb, server.Addr())
	mqtt := map[string]any{"host": "127.0.0.1", "port": portOf(s.toBroker), "keepalive": 1, "reconnectPeriod": 250}
	maps.Copy(mqtt, w.mqtt)
	s.file = testkit.ConfigFile(w.tb, map[string]any{
		"clientName":    name,
		"remoteClients": []string{remote},
		"syncTables":    tables,
		"receiveTables": tables,
		"checkInterval": 10,
		"initialSync":   initial,
		"mqttConfig":    mqtt,
		"mysqlConfig": map[string]any{"host": "127.0.0.1", "port": portOf(s.toDatabase), "user": server.User,
			"password": server.Password, "database": s.schema},
	})
	return s
}

func portOf(p *testkit.Proxy) int {
	_, text, _ := net.SplitHostPort(p.Addr())
	port, _ := strconv.Atoi(text) // the proxy's own address is well formed
	return port
}

// startNode starts the site's node, for the first time or again, and waits until it replicates.
func (s *site) startNode() {
	switch {
	case s.node != nil:
		s.node.Start()
	case s.clock != nil:
		s.node = s.clock.Node(s.file)
	default:
		s.node = testkit.Node(s.tb, s.file)
	}
	s.node.WaitLog("node started")
}

// turn returns the sites in turns.
func (w *world) turn() *site {
	w.turns++
	if w.turns%2 == 1 {
		return w.a
	}
	return w.b
}

// sites are both.
func (w *world) sites() []*site { return []*site{w.a, w.b} }
