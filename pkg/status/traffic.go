package status

import (
	"maps"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Traffic counts rows and messages, a batch at a time. All counters are made once, from the
// configuration: nothing that others send adds one. Promise 10. It is safe for concurrent
// use.
type Traffic struct {
	now    func() time.Time
	flows  map[pair]*flow
	links  map[string]*messages
	others bool // whether clients that are not named count, as "*"
}

// clients returns the clients whose traffic is counted, sorted.
func (t *Traffic) clients() []string { return slices.Sorted(maps.Keys(t.links)) }

// messages returns how many messages with rows were exchanged with a client.
func (t *Traffic) messages(client string) Messages {
	m := t.links[client]
	return Messages{Sent: m.sent.Load(), Received: m.received.Load(), Unanswered: m.unanswered.Load()}
}

// ahead returns how far ahead a client's clock was when it last sent a batch.
func (t *Traffic) ahead(client string) time.Duration {
	return time.Duration(t.link(client).ahead.Load())
}

// show adds a stream's counters.
func (t *Traffic) show(s *Stream, now time.Time) {
	f := t.flows[pair{s.Remote, s.Table}]
	s.Refused, s.Rejected = f.refused.Load(), f.rejected.Load()
	var acked, applied time.Time
	s.Sent, acked = f.sent.read(now)
	s.Received, applied = f.received.read(now)
	if applied.After(acked) {
		acked = applied
	}
	if !acked.IsZero() {
		s.Last = &acked
	}
}

// pair names a table and a remote.
type pair struct{ remote, table string }

// flow counts the rows of a table and a remote.
type flow struct {
	sent, received    meter
	refused, rejected atomic.Int64 // by the remote; by this node
}

// messages counts those with rows, of one remote.
type messages struct {
	sent, received, unanswered atomic.Int64
	ahead                      atomic.Int64 // ns by which its clock was ahead when it last sent a batch; more, if that took long
}

// Anyone is the name of all clients that are not in the configuration.
const Anyone = "*"

// NewTraffic returns counters for some clients and tables.
func NewTraffic(now func() time.Time, clients, tables []string, others bool) *Traffic {
	t := &Traffic{now: now, flows: map[pair]*flow{}, links: map[string]*messages{}, others: others}
	if others {
		clients = append(slices.Clip(clients), Anyone)
	}
	for _, c := range clients {
		t.links[c] = &messages{}
		for _, table := range tables {
			t.flows[pair{c, table}] = &flow{}
		}
	}
	return t
}

// link returns a client's counters, or ones that no one reads.
func (t *Traffic) link(client string) *messages {
	if m := t.links[client]; m != nil {
		return m
	}
	if m := t.links[Anyone]; m != nil {
		return m
	}
	return &messages{}
}

// flow is link for a client and a table.
func (t *Traffic) flow(client, table string) *flow {
	if t.links[client] == nil {
		client = Anyone
	}
	if f := t.flows[pair{client, table}]; f != nil {
		return f
	}
	return &flow{}
}

// Sent records that a remote acked n rows; table returns the table of each.
func (t *Traffic) Sent(remote string, n int, table func(int) string) {
	now := t.now()
	perTable(n, table, func(name string, rows int) { t.flow(remote, name).sent.add(now, int64(rows)) })
}

// Refused records that a remote refused rows, or that they could not be rendered for it.
func (t *Traffic) Refused(remote string, list []outbox.Failure) {
	for i := range list {
		t.flow(remote, list[i].Table).refused.Add(1)
	}
}

// Published records that a message with rows was sent to a client.
func (t *Traffic) Published(client string) { t.link(client).sent.Add(1) }

// Unanswered records that a client did not answer messages in time.
func (t *Traffic) Unanswered(client string, messages int) {
	t.link(client).unanswered.Add(int64(messages))
}

// Came records that a message with rows arrived, sent at a time by the client's clock; zero
// if not known.
func (t *Traffic) Came(client string, sent time.Time) {
	m := t.link(client)
	m.received.Add(1)
	if !sent.IsZero() {
		m.ahead.Store(int64(sent.Sub(t.now())))
	}
}

// Received records that n rows of a client are in the database, except those that were
// rejected.
func (t *Traffic) Received(client string, n int, table func(int) string, rejects []wire.Reject) {
	now := t.now()
	var rejected map[string]int
	for _, r := range rejects {
		if rejected == nil {
			rejected = map[string]int{}
		}
		rejected[table(r.Index)]++
		t.flow(client, table(r.Index)).rejected.Add(1)
	}
	perTable(n, table, func(name string, rows int) {
		not := min(rejected[name], rows)
		if not > 0 {
			rejected[name] -= not
		}
		t.flow(client, name).received.add(now, int64(rows-not))
	})
}

// perTable calls f with each table and how many of the n rows are its. A table's rows are adjacent, as render leaves
// them, so that there is no work per row; if a client has sent them in another order, the sum is right all the same.
func perTable(n int, table func(int) string, f func(name string, rows int)) {
	for from := 0; from < n; {
		name := table(from)
		rows := n - from
		if table(n-1) != name {
			rows = sort.Search(n-from, func(i int) bool { return table(from+i) != name })
		}
		f(name, rows)
		from += rows
	}
}

// rateTime is the time over which rates are averaged.
const rateTime = 10 * time.Second

// meter counts rows, and those of the last seconds. It is safe for concurrent use.
type meter struct {
	mu    sync.Mutex
	total int64
	last  time.Time
	slots [int(rateTime / time.Second)]slot
}

// slot is a second and its row count.
type slot struct{ second, rows int64 }

func (m *meter) add(now time.Time, rows int64) {
	if rows == 0 {
		return
	}
	second := now.Unix()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total += rows
	m.last = now
	s := &m.slots[int(uint64(second)%uint64(len(m.slots)))]
	if s.second != second {
		*s = slot{second: second}
	}
	s.rows += rows
}

// read returns the count, and the time of the last row, zero if there was none.
func (m *meter) read(now time.Time) (Rate, time.Time) {
	second := now.Unix()
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows int64
	for _, s := range m.slots {
		if age := second - s.second; age >= 0 && age < int64(len(m.slots)) {
			rows += s.rows
		}
	}
	return Rate{Rows: m.total, PerSecond: float64(rows) / rateTime.Seconds()}, m.last
}

// plus adds two rates.
func plus(a, b Rate) Rate {
	return Rate{Rows: a.Rows + b.Rows, PerSecond: a.PerSecond + b.PerSecond}
}
