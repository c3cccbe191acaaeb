package status

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/paused"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// countMost is how many rows of a kind are counted for a stopped node, per remote.
const countMost = 100_000

// Stopped is a stopped node as its database shows it. Requests are carried out in its tables: the node finds the
// results when it starts.
type Stopped struct {
	*Desk
	tables *tables
}

// OfStopped returns the stopped node whose database is db. Its own tables must exist: the
// node has run once.
func OfStopped(cfg *config.Config, db *mysqldb.DB, source capture.Source) *Stopped {
	known := schema.NewTables(db)
	o := outbox.New(db, known, nil)
	all := func(context.Context) (int64, error) { return math.MaxInt64, nil }
	return &Stopped{NewDesk(cfg, db, known, o, source), &tables{cfg, db, o, source, all, countMost}}
}

// State returns the node's state as its tables show it: what remotes still need, what they
// refused, and tables being sent as a whole. What only a running node knows is empty, and
// Started is zero.
func (x *Stopped) State(ctx context.Context) (*State, error) {
	now, cfg, db := time.Now(), x.tables.cfg, x.tables.db
	l := Live{Clients: map[string]Client{}}
	at, err := schema.SetBackAt(ctx, db)
	if err != nil {
		return nil, err
	}
	if !at.IsZero() {
		l.SetBack = &at
	}
	for _, name := range cfg.RemoteClients {
		var c Client
		if err := db.GetContext(ctx, &c.Node, `SELECT EXISTS(SELECT 1 FROM sync_clients WHERE client = ?)`, name); err != nil {
			return nil, fmt.Errorf("read sync_clients: %w", err)
		}
		l.Clients[name] = c
	}
	l.Paused, err = paused.Read(ctx, db, cfg.SyncTables, func(table string) []string { return x.Desk.tables.Parents(ctx, table) })
	if err != nil {
		return nil, err
	}
	found := newOwn()
	if err := found.read(ctx, x.tables, &l, now); err != nil {
		return nil, err
	}
	s := about(cfg, Link{Online: true, Address: db.Name, Server: db.Version}, &l, now)
	(&builder{s, cfg, found, &l, nil}).build()
	slices.SortFunc(s.Transfers, func(x, y Transfer) int { return cmp.Or(cmp.Compare(x.Remote, y.Remote), cmp.Compare(x.Table, y.Table)) })
	doubts, err := schema.Doubts(ctx, db)
	s.Problems = left(l.SetBack, doubts)
	return s, err
}

// left lists what needs attention on a stopped node. It is pure.
func left(setBack *time.Time, doubts map[schema.Doubt]time.Time) []string {
	list := []string{}
	if setBack != nil {
		list = append(list, fmt.Sprintf("The database was restored from a backup (noticed %s), or queueDirectory was lost, and it has not been compared since: start the node, then run mysql-sync verify --repair.", setBack.Format(time.DateTime)))
	}
	for _, x := range slices.SortedFunc(maps.Keys(doubts), func(x, y schema.Doubt) int { return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Kind, y.Kind)) }) {
		what := "Rows of %s vanished without firing a trigger, as with TRUNCATE"
		if x.Kind == schema.DoubtUnseen {
			what = "Writes to %s may have been missed while the node was down"
		}
		list = append(list, fmt.Sprintf(what+" (noticed %s), and it has not been found equal since: start the node, then run mysql-sync verify.", x.Table, doubts[x].UTC().Format(time.DateTime)))
	}
	return list
}
