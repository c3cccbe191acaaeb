package status

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// about returns what is known without the database. It is pure.
func about(cfg *config.Config, database Link, l *Live, now time.Time) *State {
	return &State{
		Client: cfg.ClientName, Now: now, Fleet: cfg.Fleet,
		Led: l.Led, Leads: l.Leads, Capture: l.Capture, Database: database, Broker: l.Broker, SetBack: l.SetBack, Step: l.Step,
		Remotes: []Remote{}, Tables: tablesOf(cfg), Streams: []Stream{}, Transfers: []Transfer{},
		Transformers: append([]Transformer{}, l.Transformers...), Verified: []Comparison{},
	}
}

// tablesOf are the tables of a configuration.
func tablesOf(cfg *config.Config) []Table {
	names := slices.Concat(cfg.SyncTables, cfg.ReceiveTables)
	slices.Sort(names)
	list := []Table{}
	for _, name := range slices.Compact(names) {
		policy := cfg.ConflictPolicy[name].Name
		if policy == "" {
			policy = conflict.LastWriteWins
		}
		list = append(list, Table{Name: name, Sends: cfg.Syncs(name), Receives: cfg.Receives(name), Policy: policy})
	}
	return list
}

// builder builds a State.
type builder struct {
	*State
	cfg     *config.Config
	own     *own
	live    *Live
	traffic *Traffic // nil: the node does not run
}

// build adds what the node's own tables and, if it runs, its parts tell. It is pure except for the traffic counters,
// which go on.
func (b *builder) build() {
	for i := range b.Tables {
		t := &b.Tables[i]
		t.Conflicts, t.Altered = b.live.Found[t.Name], b.live.Altered[t.Name]
	}
	for _, n := range b.live.Found {
		b.Conflicts.Found += n
	}
	b.Conflicts.Kept, b.Conflicts.AtLeast = b.own.conflicts.Rows, b.own.conflicts.AtLeast
	b.Pauses = pauses(b.live.Paused)
	b.Uncaptured, b.Transfers = b.own.uncaptured, b.own.transfers
	clients := b.cfg.RemoteClients
	if b.traffic != nil {
		clients = b.traffic.clients()
	}
	for _, name := range clients {
		if r := b.remote(name); name != Anyone || r.Messages.Received > 0 {
			b.streams(r)
			b.stand(r)
			b.Remotes = append(b.Remotes, *r)
		}
	}
}

// remote returns what is known of a client, except what it still needs.
func (b *builder) remote(name string) *Remote {
	c := b.live.Clients[name]
	r := &Remote{Name: name, Online: c.Online, Met: c.Node || !c.Heard.IsZero(), InFlight: c.InFlight, Key: c.Key}
	if !c.Heard.IsZero() {
		r.Heard, r.Protocol = &c.Heard, 1
	}
	if c.Batches {
		r.Protocol = wire.Protocol
	}
	if b.traffic != nil {
		r.Messages = b.traffic.messages(name)
	}
	r.Messages.Unopened = c.Unopened
	return r
}

// streams adds a remote's tables, and sums what it still needs.
func (b *builder) streams(r *Remote) {
	if b.own.strange[r.Name] {
		return
	}
	more := b.own.more[r.Name]
	var oldest int64
	for _, t := range b.Tables {
		if b.traffic == nil && !t.Sends {
			continue
		}
		at, sends := pair{r.Name, t.Name}, t.Sends && slices.Contains(b.cfg.RemoteClients, r.Name)
		waits := b.own.streams[at]
		x := Stream{Table: t.Name, Remote: r.Name, Errors: waits.Refused}
		if b.live.Declines != nil && b.live.Declines(r.Name, t.Name) {
			waits.Pending, waits.Oldest = 0, 0 // due rows are held back
			x.KeptBack = sends
		}
		x.Pending = Count{Rows: waits.Pending, AtLeast: more && waits.Pending > 0}
		x.Paused = sends && b.live.Paused.Holds(r.Name, t.Name)
		if b.traffic != nil {
			b.traffic.show(&x, b.Now)
		}
		b.Streams = append(b.Streams, x)
		r.Pending.Rows += x.Pending.Rows
		r.Errors += x.Errors
		r.Sent, r.Received = plus(r.Sent, x.Sent), plus(r.Received, x.Received)
		if waits.Oldest != 0 && !x.Paused && (oldest == 0 || waits.Oldest < oldest) {
			oldest = waits.Oldest
		}
	}
	if more {
		r.Pending = Count{Rows: max(r.Pending.Rows, b.own.about[r.Name]), AtLeast: true}
	}
	if oldest != 0 && r.Pending.Rows > 0 && !b.live.Paused.Holds(r.Name, "") {
		at := time.UnixMicro(oldest)
		if at.After(b.Now) { // by another clock
			at = b.Now
		}
		r.Oldest, r.Lag = &at, b.Now.Sub(at).Seconds()
	}
}

// stand says how the tables stand with a remote.
func (b *builder) stand(r *Remote) {
	if b.own.strange[r.Name] {
		r.NeverSent = len(b.cfg.SyncTables)
		return
	}
	// A version-1 peer is only sent changes.
	initial := b.cfg.InitialSync != snapshot.None && (r.Protocol != 1 || !r.Met)
	sent := slices.Contains(b.cfg.RemoteClients, r.Name)
	r.stand(b.Streams, func(table string) road {
		whole, begun := b.own.whole[pair{r.Name, table}]
		return road{Sends: sent && b.cfg.Syncs(table), Online: r.Online, Met: r.Met, Initial: initial, Whole: whole, Begun: begun && !whole}
	})
}
