// Package attack repeats what clients that may speak to a node, and others, could do to stop, fill
// or end it, and measures what each attack costs a real node per byte sent, while another site's
// row still arrives. docs/security.md has the table, which "make soak SOAKFLAGS='-run attack'"
// produces.
package attack

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// MostMemory is the most resident memory, in bytes, that a node may use under any attack.
const MostMemory = 128 << 20

// MostWait is the longest that a row of another site may take to arrive under any attack, on an otherwise idle machine.
const MostWait = 2 * time.Second

// The clients. The victim accepts rows from Honest, Mallory and his friends, and from Pete by version 1, and knows no one else.
const (
	victim  = "node-a"
	honest  = "node-b"
	mallory = "mallory"
	pete    = "pete"
	eve     = "eve"
)

// friends are 30 clients who do what Mallory wants, or whose names he uses if the broker lets him.
var friends = func() (list []string) {
	for i := range 30 {
		list = append(list, fmt.Sprintf("friend-%d", i))
	}
	return list
}()

// Cost is what an attack cost the victim.
type Cost struct {
	Name    string
	Sent    int64         // bytes of the attacker's messages
	Memory  int64         // the most resident memory meanwhile, in bytes
	CPU     time.Duration // of the victim's process
	Log     int64         // bytes
	Arrived time.Duration // until a row that another site wrote when the attack was sent arrived
}

// world is a victim with its database and broker, and another site.
type world struct {
	tb       testkit.TB
	db, from *sqlx.DB
	node     *testkit.NodeProcess
	database *testkit.Proxy
	client   mqtt.Client
	codec    *wire.Codec
	topics   wire.Topics
	sent     int64
	seq      uint64
	row      int
}

var tables = []string{
	`CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, name LONGTEXT, amount DECIMAL(10,2))`,
	`CREATE TABLE parts (id BIGINT NOT NULL PRIMARY KEY, name LONGTEXT, part BIGINT, CHECK (id < 1000000000), FOREIGN KEY (part) REFERENCES parts (id))`,
}

// Play runs the chosen attacks one after the other, and calls tell with what each cost.
func Play(tb testkit.TB, chosen func(name string) bool, tell func(Cost)) {
	var w *world
	for _, a := range attacks {
		if !chosen(a.name) {
			continue
		}
		if w == nil {
			w = newWorld(tb)
		}
		tell(w.play(a))
	}
}

func newWorld(tb testkit.TB) *world {
	server, broker := testkit.Shared(tb), testkit.Mosquitto(tb, testkit.MosquittoOptions{})
	codec, err := wire.NewCodec(wire.MostBody)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	w := &world{tb: tb, codec: codec, database: testkit.NewProxy(tb, server.Addr()), client: testkit.MQTTClient(tb, broker, mallory)}
	site := func(name, remote string, accept []string, host string, port int) (*sqlx.DB, *testkit.NodeProcess) {
		schema := server.Create(tb)
		db := server.Open(tb, schema)
		testkit.Exec(tb, db, tables...)
		bhost, bport := split(tb, broker.Addr())
		n := testkit.Node(tb, testkit.ConfigFile(tb, map[string]any{
			"clientName": name, "remoteClients": []string{remote}, "acceptFrom": accept,
			"syncTables": []string{"orders"}, "receiveTables": []string{"orders", "parts"}, "checkInterval": 10, "loggingLevel": "info",
			"mqttConfig":  map[string]any{"host": bhost, "port": bport, "reconnectPeriod": 100},
			"mysqlConfig": map[string]any{"host": host, "port": port, "user": server.User, "password": server.Password, "database": schema},
		}))
		n.WaitLog("node started")
		return db, n
	}
	host, port := split(tb, w.database.Addr())
	w.db, w.node = site(victim, honest, append([]string{honest, mallory, pete}, friends...), host, port)
	host, port = split(tb, server.Addr())
	w.from, _ = site(honest, victim, []string{victim}, host, port)
	w.arrive()
	return w
}

// split takes an address apart.
func split(tb testkit.TB, address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return host, port
}

// arrive waits until a row that the other site writes now is at the victim's.
func (w *world) arrive() time.Duration {
	w.row++
	begun := time.Now()
	testkit.Exec(w.tb, w.from, fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'honest', 1)`, 1_000_000+w.row))
	testkit.Within(w.tb, 2*time.Minute, "a row of another site", func() error {
		var n int
		if err := w.db.Get(&n, `SELECT COUNT(*) FROM orders WHERE id = ?`, 1_000_000+w.row); err != nil || n == 0 {
			return fmt.Errorf("%d rows: %v", n, err)
		}
		return nil
	})
	return time.Since(begun)
}

func (w *world) play(a attack) Cost {
	w.sent = 0
	pid := w.node.Pid()
	w.rest(pid)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil { // VmHWM is reset
		w.tb.Fatalf("%v", err)
	}
	cpu, log := w.cpu(pid), w.log()
	a.play(w)
	c := Cost{Name: a.name, Arrived: w.arrive()}
	c.Sent, c.CPU, c.Log, c.Memory = w.sent, w.cpu(pid)-cpu, w.log()-log, w.node.PeakMemory()
	if w.node.Pid() != pid {
		w.tb.Fatalf("%s: the node ended", a.name)
	}
	return c
}

// rest waits until the node has finished with what came before: it uses next to no CPU for a while. To refuse 10,000 rows and to remember
// 24,000 that wait takes it a minute and a half.
func (w *world) rest(pid int) {
	before := w.cpu(pid)
	testkit.Within(w.tb, 5*time.Minute, "the node to be at rest", func() error {
		time.Sleep(200 * time.Millisecond)
		now := w.cpu(pid)
		defer func() { before = now }()
		for _, db := range []*sqlx.DB{w.db, w.from} { // what an accepted client writes is forwarded
			var left int
			if err := db.Get(&left, testkit.Unsettled); err != nil || left > 0 {
				return fmt.Errorf("%d rows are to be sent: %v", left, err)
			}
		}
		if now-before > 80*time.Millisecond { // two fifths of a processor
			return fmt.Errorf("it computes")
		}
		return nil
	})
}

// publish sends a message in somebody's name with QoS 1 and waits for the broker's answer.
func (w *world) publish(topic string, payload []byte) {
	w.sent += int64(len(payload))
	if t := w.client.Publish(topic, 1, false, payload); t.Wait() && t.Error() != nil {
		w.tb.Fatalf("publish: %v", t.Error())
	}
}

func (w *world) log() (n int64) {
	for _, line := range w.node.Log() {
		n += int64(len(line)) + 1
	}
	return n
}

// cpu is the CPU time that a process has used so far.
func (w *world) cpu(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		w.tb.Fatalf("%v", err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')'):]))
	var ticks int64
	for _, f := range fields[12:14] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			w.tb.Fatalf("%v", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
