package status

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

const (
	transfersMost = 1000 // that are shown; those in progress first
	lookRest      = 20   // a count is not repeated for this many times as long as it took
)

// tables reads a node's own tables.
type tables struct {
	cfg    *config.Config
	db     *mysqldb.DB
	outbox *outbox.Outbox
	source capture.Counted
	end    func(context.Context) (int64, error) // up to where the stream is counted
	most   int                                  // how many rows of a kind are counted, for each remote
}

// own is what was last read from a node's own tables.
type own struct {
	streams    map[pair]outbox.Backlog
	strange    map[string]bool  // remotes that the node has never run with
	more       map[string]bool  // of a remote: there is more than was counted
	about      map[string]int64 // then, how many rows, about
	rest       map[string]time.Time
	uncaptured Count
	conflicts  Count
	transfers  []Transfer
	whole      map[pair]bool // tables sent as a whole (true), or being sent
	progress   map[pair][]sample
}

// sample is how many rows of a table had been sent at some time.
type sample struct {
	at   time.Time
	done int64
}

func newOwn() *own {
	return &own{streams: map[pair]outbox.Backlog{}, strange: map[string]bool{}, more: map[string]bool{}, about: map[string]int64{},
		rest: map[string]time.Time{}, transfers: []Transfer{}, progress: map[pair][]sample{}}
}

// read refreshes what is known from the own tables. After an error the rest stays as it
// was.
func (o *own) read(ctx context.Context, t *tables, l *Live, now time.Time) error {
	if err := o.countPending(ctx, t, l); err != nil {
		return err
	}
	var err error
	if o.uncaptured.Rows, err = t.source.Count(ctx, t.most); err != nil {
		return err
	}
	o.uncaptured.AtLeast = o.uncaptured.Rows >= int64(t.most)
	if o.conflicts, err = t.count(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_conflicts WHERE dismissed_at IS NULL LIMIT ?) some`); err != nil {
		return err
	}
	return o.readTransfers(ctx, t, now)
}

// count counts rows with a query, up to a bound.
func (t *tables) count(ctx context.Context, query string) (c Count, err error) {
	if err = t.db.GetContext(ctx, &c.Rows, query, t.most); err != nil {
		return Count{}, fmt.Errorf("read the own tables: %w", err)
	}
	c.AtLeast = c.Rows >= int64(t.most)
	return c, nil
}

// countPending counts what each remote needs. A count that took long rests, so that
// looking at a long backlog takes a small part of the server's time.
func (o *own) countPending(ctx context.Context, t *tables, l *Live) error {
	end, err := t.end(ctx)
	if err != nil {
		return err
	}
	for _, remote := range t.cfg.RemoteClients {
		begun := time.Now()
		if begun.Before(o.rest[remote]) {
			continue
		}
		at, err := t.outbox.PlaceOf(ctx, remote)
		if o.strange[remote] = errors.Is(err, sql.ErrNoRows); o.strange[remote] {
			continue
		}
		if err != nil {
			return err
		}
		list, about, more, err := t.outbox.Count(ctx, remote, at.Acked, end, t.most, func(table string) bool { return l.due(remote, table) })
		if err != nil {
			return err
		}
		for _, table := range t.cfg.SyncTables {
			delete(o.streams, pair{remote, table})
		}
		for _, b := range list {
			if t.cfg.Syncs(b.Table) {
				o.streams[pair{remote, b.Table}] = b
			}
		}
		o.more[remote], o.about[remote] = more, about
		ended := time.Now()
		o.rest[remote] = ended.Add(lookRest * (ended.Sub(begun) - 10*time.Millisecond))
	}
	return nil
}

// readTransfers reads which tables are being sent, or were sent, as a whole.
func (o *own) readTransfers(ctx context.Context, t *tables, now time.Time) error {
	rows, err := t.db.QueryContext(ctx, `SELECT remote, table_name, mode, rows_done, rows_total, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', started_at),
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', finished_at) FROM sync_snapshots ORDER BY finished_at IS NULL DESC, table_name, remote`)
	if err != nil {
		return fmt.Errorf("read sync_snapshots: %w", err)
	}
	defer rows.Close()
	list := []Transfer{}
	progress, whole := map[pair][]sample{}, map[pair]bool{}
	for rows.Next() {
		var x Transfer
		var started int64
		var finished sql.NullInt64
		if err := rows.Scan(&x.Remote, &x.Table, &x.Mode, &x.Done, &x.Total, &started, &finished); err != nil {
			return fmt.Errorf("read sync_snapshots: %w", err)
		}
		if !slices.Contains(t.cfg.RemoteClients, x.Remote) || !t.cfg.Syncs(x.Table) {
			continue // of an earlier configuration
		}
		at := pair{x.Remote, x.Table}
		whole[at] = finished.Valid
		if len(list) == transfersMost {
			continue
		}
		x.Started, x.Total = time.UnixMicro(started), max(x.Total, x.Done)
		if finished.Valid {
			ended := time.UnixMicro(finished.Int64)
			x.Finished, x.Total = &ended, x.Done
		} else {
			progress[at] = proceed(o.progress[at], sample{now, x.Done})
			x.Rate, x.Left = pace(progress[at], x.Total)
		}
		list = append(list, x)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read sync_snapshots: %w", err)
	}
	o.transfers, o.progress, o.whole = list, progress, whole
	return nil
}

// proceed adds a sample and drops outdated ones. A transfer that started over keeps none of
// the earlier ones.
func proceed(list []sample, s sample) []sample {
	if k := len(list); k > 0 && (s.done < list[k-1].done || s.at.Before(list[k-1].at)) {
		list = nil
	}
	for len(list) > 1 && s.at.Sub(list[1].at) >= rateTime {
		list = list[1:]
	}
	return append(slices.Clip(list), s)
}

// pace returns rows per second, and the seconds left; 0: unknown.
func pace(list []sample, total int64) (rate, left float64) {
	first, last := list[0], list[len(list)-1]
	passed := last.at.Sub(first.at).Seconds()
	if passed <= 0 || last.done == first.done {
		return 0, 0
	}
	rate = float64(last.done-first.done) / passed
	return rate, float64(total-last.done) / rate
}
