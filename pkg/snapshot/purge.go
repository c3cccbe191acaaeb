package snapshot

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

const (
	purgePause = time.Second      // between two chunks
	purgeRest  = 10 * time.Minute // between two passes through a table
)

// Purge forgets the versions of deleted rows (tombstones) that are older than retention and that no remote still has to
// hear of, chunk by chunk and slowly, until ctx ends. A retention of 0 keeps them forever. An even older change of such
// a row that arrives only now would bring the row back.
func (s *Snapshots) Purge(ctx context.Context, retention time.Duration) error {
	if retention == 0 {
		<-ctx.Done()
		return nil
	}
	for {
		for _, table := range s.Versioned {
			n, err := s.purgeTable(ctx, table, time.Now().Add(-retention))
			if err != nil && ctx.Err() == nil {
				s.log.Warn("tombstones not purged; retrying", zap.String("table", table), zap.Error(err))
			}
			if n > 0 {
				s.log.Info("tombstones purged", zap.String("table", table), zap.Int("rows", n))
			}
		}
		if pause.For(ctx, purgeRest) != nil {
			return nil
		}
	}
}

func (s *Snapshots) purgeTable(ctx context.Context, name string, before time.Time) (purged int, err error) {
	t, err := s.server.Table(ctx, name)
	if err != nil {
		return 0, err
	}
	for after := []byte{}; ; {
		var rows []change.Row
		err := mysqldb.Each(ctx, s.server.db, `SELECT row_id, row_key FROM sync_versions WHERE table_name = ? AND row_id > ? AND time < ? ORDER BY row_id LIMIT ?`,
			[]any{name, after, change.Micros(before), chunk}, func(r *sql.Rows) error {
				var id string
				var key []byte
				err := r.Scan(&id, &key)
				rows = append(rows, change.Stored(name, id, key))
				return err
			})
		if err != nil {
			return purged, fmt.Errorf("read versions of %s: %w", name, err)
		}
		if len(rows) == 0 {
			return purged, nil
		}
		n, err := s.purgeRows(ctx, t, rows, before)
		if err != nil {
			return purged, err
		}
		purged += n
		after = []byte(rows[len(rows)-1].ID())
		if pause.For(ctx, purgePause) != nil {
			return purged, nil
		}
	}
}

// purgeRows forgets those of the rows that are not there, unless a write of them waits to be recorded: their deletes must be told to whoever
// has them, which the version's label tells. Promise 1. Of a row whose whole key an older version of this program did not keep, only
// apply's note tells that it is not there.
func (s *Snapshots) purgeRows(ctx context.Context, t *schema.Table, rows []change.Row, before time.Time) (int, error) {
	unlock, err := s.server.stream.Latch(ctx, rows)
	if err != nil {
		return 0, err
	}
	defer unlock()
	var keys [][]byte
	var known []change.Row
	unknown := []any{t.Name}
	for _, r := range rows {
		if r.ID() == r.Key && len(r.Key) == change.LongestID {
			unknown = append(unknown, []byte(r.Key))
			continue
		}
		known, keys = append(known, r), append(keys, []byte(r.Key))
	}
	values, err := Values(ctx, s.server.db, t, t.Names()[:1], keys, nil)
	if err != nil {
		return 0, err
	}
	found := slices.Collect(maps.Keys(values))
	wanted, err := t.Wanted(ctx, s.server.db, known, found)
	if err != nil {
		return 0, err
	}
	there := map[string]bool{}
	for _, key := range found {
		there[wanted[key].ID()] = true
	}
	var missing []string // by now, what took them away has been committed
	for _, r := range known {
		if !there[r.ID()] {
			missing = append(missing, r.Key)
		}
	}
	waiting, err := capture.Uncaptured(ctx, s.server.db, s.Source, t.Name, missing)
	if err != nil {
		return 0, err
	}
	gone := []any{t.Name}
	for _, r := range known {
		if !there[r.ID()] && len(waiting[r.Key]) == 0 {
			gone = append(gone, []byte(r.ID()))
		}
	}
	n, err := s.forget(ctx, gone, ``, before)
	if err != nil {
		return n, err
	}
	m, err := s.forget(ctx, unknown, ` AND deleted = 1`, before)
	return n + m, err
}

func (s *Snapshots) forget(ctx context.Context, args []any, condition string, before time.Time) (int, error) {
	if len(args) == 1 {
		return 0, nil
	}
	query := `DELETE v FROM sync_versions v WHERE v.table_name = ? AND v.row_id IN (` + mysqldb.List(len(args)-1) + `) AND v.time < ?` + condition
	args = append(args, change.Micros(before))
	if len(s.Remotes) > 0 { // with the remotes named, the rows are found by the outbox's key
		query += ` AND NOT EXISTS (SELECT 1 FROM sync_outbox o WHERE o.remote IN (` + mysqldb.List(len(s.Remotes)) +
			`) AND o.table_name = v.table_name AND o.row_id = v.row_id)
			AND NOT EXISTS (SELECT 1 FROM sync_remotes r WHERE r.remote IN (` + mysqldb.List(len(s.Remotes)) + `) AND ` + outbox.Reached + ` < v.position)`
		for range 2 {
			for _, r := range s.Remotes {
				args = append(args, r)
			}
		}
	}
	res, err := s.server.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("purge tombstones: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
