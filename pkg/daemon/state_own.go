package daemon

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// Bounds of what a look at the own tables may cost.
const (
	lookRows      = 10_000          // of one kind, for one remote
	lookTime      = 3 * time.Second // for all
	transfersMost = 1000            // that are shown; those on their way first
	lookRest      = 20              // a count that took a time is not made again for this many times as long
)

// own is what was last read from the node's own tables.
type own struct {
	streams    map[pair]outbox.Backlog
	more       map[string]bool  // of a remote: there is more than was counted
	about      map[string]int64 // then, how many rows, about
	rest       map[string]time.Time
	uncaptured status.Count
	conflicts  int64
	transfers  []status.Transfer
	whole      map[pair]bool // tables that were sent as a whole (true), or are on their way
	progress   map[pair][]sample
}

// sample is how much of a table was sent at a time.
type sample struct {
	at   time.Time
	done int64
}

func newOwn() own {
	return own{streams: map[pair]outbox.Backlog{}, more: map[string]bool{}, about: map[string]int64{}, rest: map[string]time.Time{},
		transfers: []status.Transfer{}, progress: map[pair][]sample{}}
}

// readOwn brings what is known of the own tables up to date. After an error the rest
// stays as it was.
func (n *Node) readOwn(ctx context.Context, o *own, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if err := n.countPending(ctx, o); err != nil {
		return err
	}
	var err error
	if o.uncaptured.Rows, err = n.countSome(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM table_changes LIMIT ?) some`); err != nil {
		return err
	}
	o.uncaptured.AtLeast = o.uncaptured.Rows >= lookRows
	if o.conflicts, err = n.countSome(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_conflicts LIMIT ?) some`); err != nil {
		return err
	}
	return n.readTransfers(ctx, o, now)
}

func (n *Node) countSome(ctx context.Context, query string) (rows int64, err error) {
	if err = n.db.GetContext(ctx, &rows, query, lookRows); err != nil {
		return 0, fmt.Errorf("read the own tables: %w", err)
	}
	return rows, nil
}

// countPending counts what each remote needs. A count that took long rests, so that
// looking at a long backlog takes a small part of the server's time.
func (n *Node) countPending(ctx context.Context, o *own) error {
	end, err := n.stream.Visible(ctx)
	if err != nil {
		return err
	}
	for _, remote := range n.cfg.RemoteClients {
		begun := time.Now()
		if begun.Before(o.rest[remote]) {
			continue
		}
		at, err := n.outbox.PlaceOf(ctx, remote)
		if err != nil {
			return err
		}
		list, about, more, err := n.outbox.Count(ctx, remote, at.Acked, end, lookRows)
		if err != nil {
			return err
		}
		for _, table := range n.allTables() {
			delete(o.streams, pair{remote, table})
		}
		for _, b := range list {
			if n.mesh.Declines(remote, b.Table) { // what is due is kept back
				b.Pending, b.Oldest = 0, 0
			}
			if n.cfg.Syncs(b.Table) {
				o.streams[pair{remote, b.Table}] = b
			}
		}
		o.more[remote], o.about[remote] = more, about
		ended := time.Now()
		o.rest[remote] = ended.Add(lookRest * (ended.Sub(begun) - 10*time.Millisecond))
	}
	return nil
}

// readTransfers reads which tables are sent, or were sent, as a whole.
func (n *Node) readTransfers(ctx context.Context, o *own, now time.Time) error {
	rows, err := n.db.QueryContext(ctx, `SELECT remote, table_name, mode, rows_done, rows_total, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', started_at),
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', finished_at) FROM sync_snapshots ORDER BY finished_at IS NULL DESC, table_name, remote`)
	if err != nil {
		return fmt.Errorf("read sync_snapshots: %w", err)
	}
	defer rows.Close()
	list := []status.Transfer{}
	progress, whole := map[pair][]sample{}, map[pair]bool{}
	for rows.Next() {
		var t status.Transfer
		var started int64
		var finished sql.NullInt64
		if err := rows.Scan(&t.Remote, &t.Table, &t.Mode, &t.Done, &t.Total, &started, &finished); err != nil {
			return fmt.Errorf("read sync_snapshots: %w", err)
		}
		if n.senders[t.Remote] == nil || !n.cfg.Syncs(t.Table) {
			continue // of an earlier configuration
		}
		whole[pair{t.Remote, t.Table}] = finished.Valid
		if len(list) == transfersMost {
			continue
		}
		t.Started, t.Total = time.UnixMicro(started), max(t.Total, t.Done)
		if finished.Valid {
			at := time.UnixMicro(finished.Int64)
			t.Finished, t.Total = &at, t.Done
		} else {
			at := pair{t.Remote, t.Table}
			progress[at] = proceed(o.progress[at], sample{now, t.Done})
			t.Rate, t.Left = pace(progress[at], t.Total)
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read sync_snapshots: %w", err)
	}
	o.transfers, o.progress, o.whole = list, progress, whole
	return nil
}

// proceed adds a sample and drops those that tell nothing of the last seconds. A
// transfer that was begun anew has no earlier ones.
func proceed(list []sample, s sample) []sample {
	if k := len(list); k > 0 && (s.done < list[k-1].done || s.at.Before(list[k-1].at)) {
		list = nil
	}
	for len(list) > 1 && s.at.Sub(list[1].at) >= rateTime {
		list = list[1:]
	}
	return append(list[:len(list):len(list)], s)
}

// pace returns the rows a second, and the seconds that are left; 0 is not known.
func pace(list []sample, total int64) (rate, left float64) {
	first, last := list[0], list[len(list)-1]
	passed := last.at.Sub(first.at).Seconds()
	if passed <= 0 || last.done == first.done {
		return 0, 0
	}
	rate = float64(last.done-first.done) / passed
	return rate, float64(total-last.done) / rate
}
