package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// many is the number of remotes that counts as many.
const many = 20

// fan is one source with real nodes as its remotes, whose schemas share a server.
type fan struct {
	b       *bench
	broker  *testkit.Broker
	source  *site
	remotes []*site
}

// newFan starts everything and waits until a first row has arrived everywhere.
func newFan(b *bench, n int) *fan {
	f := &fan{b: b, broker: b.newBroker(), source: b.newSite("node-a", b.newServer(b.s.Binlog), "bench")}
	server := b.newServer(b.s.Binlog)
	var names []string
	for i := range n {
		s := b.newSite(fmt.Sprintf("remote-%d", i+1), server, fmt.Sprintf("bench_%d", i+1))
		s.configure(f.broker, []string{"node-a"}, map[string]any{"syncTables": []string{}})
		f.remotes, names = append(f.remotes, s), append(names, s.name)
	}
	f.source.configure(f.broker, names, nil)
	f.source.startNode()
	for _, s := range f.remotes {
		s.startNode()
	}
	f.source.node.WaitLog("node started")
	f.source.exec("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row(0)...)
	f.await(1)
	return f
}

// await waits until all remotes have a number of rows.
func (f *fan) await(rows int64) (at time.Time) {
	for _, s := range f.remotes {
		at = f.b.until(s.name+" to have all", func(context.Context) (bool, error) {
			n, err := s.number("SELECT COUNT(*) FROM orders")
			return n == rows, err
		})
	}
	return at
}

// booked waits until the source has recorded that all remotes have everything.
func (f *fan) booked() {
	f.b.until("the acks to be recorded", func(context.Context) (bool, error) {
		n, err := f.source.number("SELECT COUNT(*) FROM sync_remotes WHERE position < (SELECT MAX(position) FROM sync_versions)")
		return n == 0, err
	})
}

// spread writes n rows one by one and waits until all remotes have them, and the source knows. It returns the CPU time
// of the source's node and of its database per change in µs, the latter including the users' own, the rows per second
// arriving at all remotes together, and the peak memory of the source's node.
func (f *fan) spread(n int) sample {
	f.source.fill("staging", 1, n)
	before, began := f.source.used(), time.Now()
	f.source.singles(1, n)
	took := f.await(int64(n) + 1).Sub(began)
	f.booked()
	after := f.source.used()
	each := func(process string) float64 {
		return float64((after[process] - before[process]).Microseconds()) / float64(n)
	}
	return sample{Figures: map[string]float64{
		"CPU µs/change": each("node"), "database µs/change": each("database"),
		"rows/s in all": float64(n*len(f.remotes)) / took.Seconds(),
		"MiB source":    f.source.memory(),
	}}
}

// fanOut compares many remotes with one.
func fanOut(b *bench) sample {
	n := b.rows(10_000)
	one := newFan(b, 1)
	single := one.spread(n).Figures
	one.stop()
	all := newFan(b, many).spread(n).Figures
	const node, database = "CPU µs/change", "database µs/change"
	return sample{Figures: map[string]float64{
		"times": (all[node] + all[database]) / (single[node] + single[database]), "times node": all[node] / single[node],
		"node µs for 1": single[node], "node µs for many": all[node],
		"database µs for 1": single[database], "database µs for many": all[database],
		"rows/s for 1": single["rows/s in all"], "rows/s for many": all["rows/s in all"],
	}}
}

// stop ends the nodes, so that they do not disturb what comes next.
func (f *fan) stop() {
	for _, s := range append(f.remotes, f.source) {
		s.stopNode()
	}
}
