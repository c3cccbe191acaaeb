package snapshot

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

const (
	purgePause = time.Second      // between two chunks
	purgeRest  = 10 * time.Minute // between two passes through a table
)

// Purge forgets the versions of deleted rows (tombstones) that are older than
// retention and that no remote has still to be told of, chunk by chunk and
// slowly, until ctx ends. A retention of 0 keeps them for ever. A change of such
// a row that is older still, and comes only now, would bring the row back.
func (s *Snapshots) Purge(ctx context.Context, retention time.Duration) error {
	if retention == 0 {
		<-ctx.Done()
		return nil
	}
	for {
		for _, table := range s.Versioned {
			n, err := s.purgeTable(ctx, table, time.Now().Add(-retention))
			if err != nil && ctx.Err() == nil {
				s.log.Warn("tombstones not purged; trying again", zap.String("table", table), zap.Error(err))
			}
			if n > 0 {
				s.log.Info("tombstones purged", zap.String("table", table), zap.Int("rows", n))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(purgeRest):
		}
	}
}

func (s *Snapshots) purgeTable(ctx context.Context, name string, before time.Time) (purged int, err error) {
	t, err := s.tables.Table(ctx, name)
	if err != nil {
		return 0, err
	}
	for after := []byte{}; ; {
		var ids [][]byte
		err := s.db.SelectContext(ctx, &ids, `SELECT row_id FROM sync_versions WHERE table_name = ? AND row_id > ? AND time < ? ORDER BY row_id LIMIT ?`,
			name, after, change.Micros(before), chunk)
		if err != nil {
			return purged, fmt.Errorf("read versions of %s: %w", name, err)
		}
		if len(ids) == 0 {
			return purged, nil
		}
		n, err := s.purgeRows(ctx, t, ids, before)
		if err != nil {
			return purged, err
		}
		purged += n
		after = ids[len(ids)-1]
		select {
		case <-ctx.Done():
			return purged, nil
		case <-time.After(purgePause):
		}
	}
}

// purgeRows forgets those of the rows that are not there. A row whose key is too
// long to be its own ID is told by what apply noted when it deleted it.
func (s *Snapshots) purgeRows(ctx context.Context, t *schema.Table, ids [][]byte, before time.Time) (int, error) {
	var rows []change.Row
	var keys [][]byte
	var long []any
	for _, id := range ids {
		r := change.Row{Table: t.Name, Key: string(id)}
		if r.ID() != r.Key {
			long = append(long, id)
			continue
		}
		rows, keys = append(rows, r), append(keys, id)
	}
	unlock, err := s.latch.Lock(ctx, rows)
	if err != nil {
		return 0, err
	}
	defer unlock()
	there, err := Values(ctx, s.db, t, t.Names()[:1], keys, nil)
	if err != nil {
		return 0, err
	}
	gone := slices.DeleteFunc(keys, func(k []byte) bool { _, ok := there[string(k)]; return ok })
	args := []any{t.Name}
	for _, k := range gone {
		args = append(args, k)
	}
	short, err := s.forget(ctx, args, ``, before)
	if err != nil || len(long) == 0 {
		return short, err
	}
	n, err := s.forget(ctx, append([]any{t.Name}, long...), ` AND deleted = 1`, before)
	return short + n, err
}

func (s *Snapshots) forget(ctx context.Context, args []any, condition string, before time.Time) (int, error) {
	if len(args) == 1 {
		return 0, nil
	}
	query := `DELETE FROM sync_versions WHERE table_name = ? AND row_id IN (` + mysqldb.List(len(args)-1) + `) AND time < ?` + condition
	args = append(args, change.Micros(before))
	if len(s.Remotes) > 0 { // with the remotes named, the rows are found by the outbox's key
		query += ` AND NOT EXISTS (SELECT 1 FROM sync_outbox o WHERE o.remote IN (` + mysqldb.List(len(s.Remotes)) +
			`) AND o.table_name = sync_versions.table_name AND o.row_id = sync_versions.row_id)
			AND NOT EXISTS (SELECT 1 FROM sync_remotes r WHERE r.remote IN (` + mysqldb.List(len(s.Remotes)) + `) AND r.position < sync_versions.position)`
		for range 2 {
			for _, r := range s.Remotes {
				args = append(args, r)
			}
		}
	}
	res, err := s.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("purge tombstones: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
