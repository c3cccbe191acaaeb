package main

import (
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// createOrders creates the table of both sites.
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
	setup

	turns  int
	ended  int      // servers that ended because of a fault
	tape   *tape    // nil: messages are not recorded
	disk   string   // where the broker keeps its sessions
	writes []write  // what the fault itself wrote
	notes  []string // for the table
	gone   kept     // what databases that no longer exist kept
}

// setup is what a fault changes before the start.
type setup struct {
	mosquitto testkit.MosquittoOptions
	mqtt      map[string]any // further keys of mqttConfig
	stormers  int            // per site; they replace the other load
	quiet     bool           // no load but the fault's own
	tables    []string       // CREATE TABLE of further tables, also synced
	clocks    bool           // A has its own clock
	disks     bool           // each database has its own disk
}

// site is a place with a database, its users and a node.
type site struct {
	*testkit.Site

	toBroker, toDatabase *testkit.Proxy // not used by the users

	disk  string         // of the site's database; empty: this machine's
	clock *testkit.Clock // of the site's machine; nil: this one's
	hold  sync.RWMutex   // while held for writing, nobody writes
}

// newWorld starts everything but the nodes. The servers write each commit to disk, as real ones do.
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
		w.a.clock.Server(w.a.Server)
	}
	return w
}

func (w *world) newSite(name, remote string) *site {
	s := &site{Site: testkit.NewSite(w.tb, testkit.Server(w.tb, "--innodb-flush-log-at-trx-commit=1"), w.broker, name, []string{remote}, nil, nil)}
	if w.disks {
		s.disk = newDisk(w.tb, "256m")
		s.Server.MoveData(s.disk)
		s.Exec(`CREATE TABLE ballast (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(7000))`)
	}
	s.Exec(createOrders)
	s.Exec(w.tables...)
	tables, initial := []string{"orders"}, "missing"
	for _, ddl := range w.tables {
		tables, initial = append(tables, strings.Fields(ddl)[2]), "none" // both sites have the same rows
	}
	s.Config["syncTables"], s.Config["receiveTables"], s.Config["initialSync"] = tables, tables, initial
	s.toBroker, s.toDatabase = s.Through("mqttConfig", w.broker.Addr()), s.Through("mysqlConfig", s.Server.Addr())
	s.Block("mqttConfig")["keepalive"], s.Block("mqttConfig")["reconnectPeriod"] = 1, 250
	maps.Copy(s.Block("mqttConfig"), w.mqtt)
	s.Write()
	return s
}

// startNode starts the site's node, for the first time or again, and waits until it replicates.
func (s *site) startNode() {
	if s.Node == nil && s.clock != nil {
		s.Node = s.clock.Node(s.File)
		s.Node.WaitLog("node started")
		return
	}
	s.Start()
}

// turn returns the sites in turn.
func (w *world) turn() *site {
	w.turns++
	if w.turns%2 == 1 {
		return w.a
	}
	return w.b
}

// sites returns both.
func (w *world) sites() []*site { return []*site{w.a, w.b} }
