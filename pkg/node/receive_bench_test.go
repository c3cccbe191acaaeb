package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// benchRows is how many rows a batch of the benchmarks has, and how many messages
// of version 1 are applied together.
const benchRows = 500

// BenchmarkReceive takes rows from the message to the commit, one
// message after the other: batches of new rows and of existing
// ones, and single changes of version 1. It reports the CPU time per row of the node and of
// the database server.
func BenchmarkReceive(b *testing.B) {
	b.Run("inserts", func(b *testing.B) { benchReceive(b, benchBatch, false) })
	b.Run("updates", func(b *testing.B) { benchReceive(b, benchBatch, true) })
	b.Run("inserts of version 1", func(b *testing.B) { benchReceive(b, benchChanges, false) })
	b.Run("updates of version 1", func(b *testing.B) { benchReceive(b, benchChanges, true) })
}

func benchReceive(b *testing.B, messages func(testing.TB, *work, int, int64) []transport.Delivery, update bool) {
	n, pid := benchNode(b)
	go func() { _ = n.receiver.Run(b.Context(), n.decoder, n.applier) }()
	apply := func(list []transport.Delivery) {
		var open sync.WaitGroup
		for _, d := range list {
			open.Add(1)
			d.Ack = sync.OnceFunc(open.Done)
			n.receiver.Receive(n.line.Topics.Parse(d.Topic), d)
		}
		open.Wait()
	}
	at := time.Now().Add(-time.Hour).UnixMicro()
	const stock = 20 // batches of rows that are there to be updated
	if update {
		for i := range stock {
			apply(messages(b, n, i*benchRows, at))
		}
	}
	list := make([][]transport.Delivery, b.N)
	for i := range list {
		first := i * benchRows
		if update {
			first %= stock * benchRows
		}
		list[i] = messages(b, n, first, at+int64(i+1)*1_000_000)
	}
	own, server := benchCPU(b, 0), benchCPU(b, pid)
	b.ReportAllocs()
	b.ResetTimer()
	for _, l := range list {
		apply(l)
	}
	b.StopTimer()
	var applied int
	if err := n.DB.GetContext(b.Context(), &applied, "SELECT COUNT(*) FROM sync_versions"); err != nil || applied < min(b.N*benchRows, stock*benchRows) {
		b.Fatalf("%d rows have a version: %v", applied, err)
	}
	rows := float64(b.N * benchRows)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64((benchCPU(b, 0)-own).Microseconds())/rows, "node-µs/row")
	b.ReportMetric(float64((benchCPU(b, pid)-server).Microseconds())/rows, "server-µs/row")
}

// benchNode returns a node that receives the table orders, without a broker, and
// the process of its database server.
func benchNode(b *testing.B) (*work, int) {
	server := testkit.Shared(b)
	cfg := &config.Config{
		ClientName: "node-b", AcceptFrom: []string{"node-a"}, RemoteClients: []string{"node-a"},
		QueueDirectory: b.TempDir(), SyncTables: []string{"orders"}, ReceiveTables: []string{"orders"}, CheckInterval: time.Second,
		MQTT:  config.MQTT{Servers: []string{"tcp://127.0.0.1:1"}, ReconnectPeriod: time.Second},
		MySQL: config.MySQL{Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: server.Create(b)},
	}
	db, err := mysqldb.Open(b.Context(), zap.NewNop(), cfg.MySQL)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"SET GLOBAL innodb_flush_log_at_trx_commit = 1", `CREATE TABLE orders (
		id BIGINT NOT NULL PRIMARY KEY, customer VARCHAR(80) NOT NULL, state ENUM('new', 'paid') NOT NULL, amount DECIMAL(10,2) NOT NULL,
		paid TINYINT NOT NULL, made DATETIME NOT NULL, changed TIMESTAMP(6) NOT NULL, comment TEXT)`} {
		if _, err := db.ExecContext(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	n, err := New(cfg, logging.New(io.Discard), "test", nil, uncounted{})
	if err != nil {
		b.Fatal(err)
	}
	w, err := n.open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Close)
	var file string
	if err := db.GetContext(b.Context(), &file, "SELECT @@pid_file"); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		b.Fatal(err)
	}
	return w, pid
}

// uncounted is a Meter that counts nothing.
type uncounted struct{}

func (uncounted) Applied(time.Duration) {}
func (uncounted) Panicked()             {}

// benchCPU is the CPU time of a process; 0 is this one.
func benchCPU(b *testing.B, pid int) time.Duration {
	if pid == 0 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0 // not Linux
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')'):])
	user, _ := strconv.Atoi(string(fields[12]))
	system, _ := strconv.Atoi(string(fields[13]))
	return time.Duration(user+system) * 10 * time.Millisecond
}

// benchValues is a row of some 200 bytes in stored form, as written at a
// time.
func benchValues(id int, at int64) [][]byte {
	comment := fmt.Sprintf("delivered to the %dth door on the left, it's paid since %d; ", id, at)
	texts := []string{strconv.Itoa(id), fmt.Sprintf("customer %d", id*7919%100000), "paid", "1234.50", "1",
		"2026-05-06 07:08:09", "2026-05-06 05:08:09.123456", comment + strings.Repeat("x", 130-len(comment))}
	values := make([][]byte, len(texts))
	for i, s := range texts {
		values[i] = []byte(s)
	}
	return values
}

var benchColumns = []string{"id", "customer", "state", "amount", "paid", "made", "changed", "comment"}

// benchBatch returns one message with the rows from the id first on.
func benchBatch(b testing.TB, n *work, first int, at int64) []transport.Delivery {
	batch := &wire.Batch{Session: 1, Seq: uint64(at), Sent: at / 1000}
	for i := range benchRows {
		v := change.Version{Time: at + int64(i), Origin: "node-a"}
		batch.Changes = append(batch.Changes, change.Change{
			Row:     change.Row{Table: "orders", Key: strconv.Itoa(first + i)},
			State:   change.State{Version: v, Seen: change.Vector{{Time: v.Time - 1, Origin: "node-a"}}},
			Columns: benchColumns, Values: benchValues(first+i, at),
		})
	}
	pieces := n.line.Codec.Pack(batch, 1<<20)
	if len(pieces) != 1 {
		b.Fatalf("the batch has %d pieces", len(pieces))
	}
	return []transport.Delivery{{Topic: n.line.Topics.BatchOf("node-b", "node-a"), Payload: pieces[0]}}
}

// benchChanges returns the rows as messages of version 1.
func benchChanges(b testing.TB, n *work, first int, at int64) []transport.Delivery {
	var list []transport.Delivery
	for i := range benchRows {
		entity := map[string]any{}
		for k, v := range benchValues(first+i, at) {
			entity[benchColumns[k]] = string(v)
		}
		payload, err := json.Marshal(map[string]any{"sender": "node-a", "table": "orders", "id": strconv.Itoa(first + i), "date": at / 1000, "entity": entity})
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, transport.Delivery{Topic: n.line.Topics.ChangeOf("node-b"), Payload: payload})
	}
	return list
}
