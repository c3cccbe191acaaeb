package status

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// countMost is up to how many rows of a kind are counted, for each remote.
const countMost = 100_000

// State returns a node that does not run as its tables have it: what remotes still
// need, what is refused, tables that are sent as a whole. What only a running node
// knows is empty. Started is zero.
func (d *Desk) State(ctx context.Context) (*State, error) {
	now := time.Now()
	s := &State{
		Client: d.cfg.ClientName, Now: now, Tables: Tables(d.cfg),
		Database: Link{Online: true, Address: d.db.Name, Server: d.db.Version},
		Remotes:  []Remote{}, Streams: []Stream{}, Transformers: []Transformer{}, Verified: []Comparison{}, Problems: []string{},
	}
	var err error
	if at, err := schema.SetBackAt(ctx, d.db); err != nil {
		return nil, err
	} else if !at.IsZero() {
		s.SetBack = &at
		s.Problems = append(s.Problems, fmt.Sprintf("The database was set back to a backup (noticed %s), or queueDirectory was lost, and it was not compared since: start the node, then mysql-sync verify --repair.", at.Format(time.DateTime)))
	}
	doubts, err := schema.Doubts(ctx, d.db)
	if err != nil {
		return nil, err
	}
	for _, x := range slices.SortedFunc(maps.Keys(doubts), func(x, y schema.Doubt) int { return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Kind, y.Kind)) }) {
		what := "Rows of %s are gone that no trigger saw go, as by TRUNCATE"
		if x.Kind == schema.DoubtUnseen {
			what = "Writes to %s may not have been captured while the node was away"
		}
		s.Problems = append(s.Problems, fmt.Sprintf(what+" (noticed %s), and it was not found equal since: start the node, then mysql-sync verify.", x.Table, doubts[x].UTC().Format(time.DateTime)))
	}
	if s.Transfers, err = d.transfers(ctx); err != nil {
		return nil, err
	}
	whole := map[[2]string]bool{} // tables that were sent as a whole (true), or are on their way
	for _, t := range s.Transfers {
		whole[[2]string{t.Remote, t.Table}] = t.Finished != nil
	}
	for _, name := range d.cfg.RemoteClients {
		r := Remote{Name: name}
		if err := d.db.GetContext(ctx, &r.Met, `SELECT EXISTS(SELECT 1 FROM sync_clients WHERE client = ?)`, name); err != nil {
			return nil, fmt.Errorf("read sync_clients: %w", err)
		}
		streams, err := d.remote(ctx, &r, now)
		if err != nil {
			return nil, err
		}
		if r.Stand(streams, func(table string) Road {
			sent, begun := whole[[2]string{name, table}]
			return Road{Sends: true, Met: r.Met, Initial: d.cfg.InitialSync != snapshot.None, Whole: sent, Begun: begun && !sent}
		}); streams == nil {
			r.NeverSent = len(d.cfg.SyncTables)
		}
		s.Remotes, s.Streams = append(s.Remotes, r), append(s.Streams, streams...)
	}
	kept, err := d.bounded(ctx, `SELECT 1 FROM sync_conflicts`)
	if err != nil {
		return nil, fmt.Errorf("count conflicts: %w", err)
	}
	s.Conflicts.Kept, s.Conflicts.AtLeast = kept.Rows, kept.AtLeast
	if s.Uncaptured, err = d.bounded(ctx, `SELECT 1 FROM table_changes`); err != nil {
		return nil, fmt.Errorf("count changes: %w", err)
	}
	return s, nil
}

// Tables are the tables of a configuration.
func Tables(cfg *config.Config) []Table {
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

// remote counts what a remote needs, and returns that table by table; one that the node
// never ran with needs nothing that is known.
func (d *Desk) remote(ctx context.Context, r *Remote, now time.Time) ([]Stream, error) {
	at, err := d.outbox.PlaceOf(ctx, r.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, _, more, err := d.outbox.Count(ctx, r.Name, at.Acked, math.MaxInt64, countMost)
	if err != nil {
		return nil, err
	}
	var oldest int64
	var streams []Stream
	for _, table := range slices.Sorted(slices.Values(d.cfg.SyncTables)) {
		var b outbox.Backlog
		if at := slices.IndexFunc(list, func(b outbox.Backlog) bool { return b.Table == table }); at >= 0 {
			b = list[at]
		}
		streams = append(streams, Stream{Table: table, Remote: r.Name, Errors: b.Refused,
			Pending: Count{Rows: b.Pending, AtLeast: more && b.Pending > 0}})
		r.Pending.Rows += b.Pending
		r.Errors += b.Refused
		if b.Oldest > 0 && (oldest == 0 || b.Oldest < oldest) {
			oldest = b.Oldest
		}
	}
	r.Pending.AtLeast = more
	if oldest > 0 {
		at := time.UnixMicro(oldest)
		r.Oldest, r.Lag = &at, max(0, now.Sub(at).Seconds())
	}
	return streams, nil
}

// transfers returns the tables that are sent, or were sent, as a whole.
func (d *Desk) transfers(ctx context.Context) ([]Transfer, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT table_name, remote, mode, rows_done, rows_total, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', started_at),
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', finished_at) FROM sync_snapshots ORDER BY remote, table_name`)
	if err != nil {
		return nil, fmt.Errorf("read sync_snapshots: %w", err)
	}
	defer rows.Close()
	list := []Transfer{}
	for rows.Next() {
		var t Transfer
		var started int64
		var finished sql.NullInt64
		if err := rows.Scan(&t.Table, &t.Remote, &t.Mode, &t.Done, &t.Total, &started, &finished); err != nil {
			return nil, fmt.Errorf("read sync_snapshots: %w", err)
		}
		t.Started = time.UnixMicro(started)
		if finished.Valid {
			at := time.UnixMicro(finished.Int64)
			t.Finished = &at
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// bounded counts the rows of a query up to countMost.
func (d *Desk) bounded(ctx context.Context, query string) (Count, error) {
	var rows int64
	err := d.db.GetContext(ctx, &rows, `SELECT COUNT(*) FROM (`+query+` LIMIT ?) q`, countMost+1)
	return Count{Rows: min(rows, countMost), AtLeast: rows > countMost}, err
}
