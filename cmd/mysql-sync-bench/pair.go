package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// pair is a source and a target that replicates it, by our nodes or natively.
type pair struct {
	b      *bench
	source *site
	target *site
	ways   way
	broker *testkit.Broker      // nil for native
	other  *testkit.NodeProcess // what is neither a server nor a node of ours; nil: nothing
}

// way is how a pair replicates.
type way interface {
	// start starts replication for the first time.
	start()
	// hold stops it, so that a backlog can pile up; release resumes it and returns at once. Between
	// the two, arrive waits until the backlog is in place.
	hold()
	arrive()
	release()
}

// newOurs makes a pair of nodes that are each other's remotes: what either writes goes to the
// other. Only the servers are started.
func newOurs(b *bench) *pair { return newOursWith(b, nil) }

// newOursWith configures both nodes with more keys.
func newOursWith(b *bench, extra map[string]any) *pair {
	p := &pair{b: b, broker: b.newBroker(),
		source: b.newSite("node-a", b.newServer(b.s.Binlog), "bench"), target: b.newSite("node-b", b.newServer(b.s.Binlog), "bench")}
	p.source.configure(p.broker, []string{"node-b"}, extra)
	p.target.configure(p.broker, []string{"node-a"}, extra)
	p.ways = nodes{p}
	return p
}

// newNative makes a pair whose target is a replica of the source.
func newNative(b *bench) *pair {
	p := &pair{b: b, source: b.newSite("source", b.newServer(true), "bench"), target: b.newSite("replica", b.newServer(true), "bench")}
	p.ways = replica{p}
	return p
}

// newFetching is newNative where the backlog is not in the relay log yet.
func newFetching(b *bench) *pair {
	p := newNative(b)
	p.ways = fetching{replica{p}}
	return p
}

// start begins replication and waits until a first row has gone through.
func (p *pair) start() {
	p.ways.start()
	p.source.exec("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row(0)...)
	p.await(0)
}

// await waits until the target has everything that the source has, and returns the time. As long as
// the rows with the given IDs differ, nothing else is compared, which is cheap.
func (p *pair) await(ids ...int64) time.Time { return p.awaitAll(p.all(p.source), ids) }

// all sums a site's rows up.
func (p *pair) all(at *site) (sum string) {
	// Every write changes this, except deletes, which no measure makes.
	const all = `SELECT CONCAT(COUNT(*), ' rows, ', COALESCE(SUM(revision), 0), ' revisions') FROM orders`
	p.b.must("look at "+at.name, at.db.GetContext(p.b.ctx, &sum, all))
	return sum
}

// awaitAll is await with a sum of the source's rows taken before.
func (p *pair) awaitAll(want string, ids []int64) time.Time {
	const one = `SELECT COALESCE(MAX(revision), -1) FROM orders WHERE id = ?`
	at := p.b.until("the target to have everything", func(context.Context) (bool, error) {
		for _, id := range ids {
			here, err := p.source.number(one, id)
			if err != nil {
				return false, err
			}
			if there, err := p.target.number(one, id); err != nil || there != here {
				return false, err
			}
		}
		if is := p.all(p.target); is != want {
			return false, fmt.Errorf("%s of %s", is, want)
		}
		return true, nil
	})
	p.compare()
	return at
}

// compare aborts the measure if the sides' rows differ: being fast counts only if the result is
// right.
func (p *pair) compare() {
	const sum = `SELECT COALESCE(SUM(CRC32(CONCAT_WS('|', id, customer, status, amount, revision, created, changed, comment))), 0) FROM orders`
	source, err := p.source.number(sum)
	p.b.must("compare both sides", err)
	target, err := p.target.number(sum)
	p.b.must("compare both sides", err)
	if source != target {
		p.b.Fatalf("compare both sides: the checksum is %d at the source and %d at the target", source, target)
	}
}

// backlog lets write pile up changes while replication is held, resumes it, and returns how long
// the target then takes to have everything.
func (p *pair) backlog(write func(), ids ...int64) time.Duration {
	p.ways.hold()
	write()
	p.ways.arrive()
	want := p.all(p.source) // of a large table this takes a while
	began := time.Now()
	p.ways.release()
	return p.awaitAll(want, ids).Sub(began)
}

// nodes is our way. The source's node is held: the backlog is in table_changes, neither captured,
// nor read, nor sent. Its start is part of the measured time.
type nodes struct{ *pair }

func (n nodes) start() {
	n.target.startNode()
	n.source.startNode()
	n.target.node.WaitLog("node started")
	n.source.node.WaitLog("node started")
}

func (n nodes) hold()    { n.source.stopNode() }
func (n nodes) arrive()  {}
func (n nodes) release() { n.source.startNode() }

// replica is MariaDB's own way. The replica's SQL thread is held: the backlog is already in its
// relay log.
type replica struct{ *pair }

func (r replica) start() {
	r.target.exec(fmt.Sprintf(`CHANGE MASTER TO master_host = '%s', master_port = %d, master_user = '%s', master_password = '%s',
		master_connect_retry = 1, master_use_gtid = slave_pos`, r.source.server.Host, r.source.server.Port, r.source.server.User, r.source.server.Password))
	r.target.exec("START SLAVE")
}

func (r replica) hold()    { r.target.exec("STOP SLAVE SQL_THREAD") }
func (r replica) release() { r.target.exec("START SLAVE SQL_THREAD") }

// arrive waits until the replica has read all of the source's binary log.
func (r replica) arrive() {
	var want string
	r.b.must("look at the source", r.source.db.GetContext(r.b.ctx, &want, "SELECT @@gtid_binlog_pos"))
	r.b.until("the relay log", func(ctx context.Context) (bool, error) {
		status := map[string]any{}
		if err := r.target.db.QueryRowxContext(ctx, "SHOW SLAVE STATUS").MapScan(status); err != nil {
			return false, err
		}
		is, _ := status["Gtid_IO_Pos"].([]byte)
		return string(is) == want, fmt.Errorf("at %s of %s; %s", is, want, status["Last_IO_Error"])
	})
}

// fetching is a replica both of whose threads are held: the backlog is in the source's binary log.
type fetching struct{ replica }

func (f fetching) hold()    { f.target.exec("STOP SLAVE") }
func (f fetching) arrive()  {}
func (f fetching) release() { f.target.exec("START SLAVE") }
