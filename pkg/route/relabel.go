package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// labelNext labels the next rows of a table whose route is new, parents first.
func (r *Router) labelNext(ctx context.Context) (more bool, err error) {
	var open []string
	for table := range r.cfg.Routes {
		if !r.Ready(table) {
			open = append(open, table)
		}
	}
	if len(open) == 0 {
		return false, nil
	}
	depth := func(table string) (n int) {
		for ; r.cfg.Routes[table].Parent != ""; n++ {
			table = r.cfg.Routes[table].Parent
		}
		return n
	}
	slices.SortFunc(open, func(a, b string) int { return depth(a) - depth(b) })
	var errs []error
	for _, table := range open {
		again, err := r.labelSome(ctx, table)
		if err != nil && mysqldb.Number(err) == 0 && !mysqldb.Transient(err) && ctx.Err() == nil {
			r.tell(table, err) // the others go on without it
			err = nil
		}
		if more, errs = more || again, append(errs, err); again {
			break // its children after it
		}
	}
	return more, errors.Join(errs...)
}

// tellEach is the least time between two log lines about a table that cannot be labelled.
const tellEach = time.Minute

// tell reports that a table cannot be labelled.
func (r *Router) tell(table string, err error) {
	if f := r.failed[table]; f.why == err.Error() && time.Since(f.told) < tellEach {
		return
	}
	r.failed[table] = failure{err.Error(), time.Now()}
	if errors.Is(err, errEmpty) {
		r.log.Warn("a lookup table of the routes has become empty; the remotes keep their rows until it has some again", zap.String("table", table))
		return
	}
	r.log.Warn("a table is held back: it lacks what it is routed by", zap.String("table", table), zap.Error(err))
}

// labelSome labels the next rows of a table.
func (r *Router) labelSome(ctx context.Context, table string) (more bool, err error) {
	t, err := r.tables.Fresh(ctx, table)
	if err != nil {
		return false, err
	}
	if _, err := r.columns(ctx, t); err != nil {
		return false, err
	}
	var last []byte
	if err := r.db.QueryRowContext(ctx, `SELECT last_key FROM sync_routes WHERE table_name = ?`, table).Scan(&last); err != nil {
		return false, fmt.Errorf("read how far %s is labelled: %w", table, err)
	}
	keys, err := snapshot.Keys(ctx, r.db, t, snapshot.Range{After: last}, chunk)
	if err != nil {
		return false, err
	}
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: table, Key: string(k)}
	}
	if err := r.tables.Identify(ctx, rows); err != nil {
		return false, err
	}
	if len(keys) > 0 {
		err = r.stream.Write(ctx, r.db, rows, func(tx mysqldb.Tx, _ *version.Writing) error {
			entries, err := r.entries(ctx, tx, rows)
			if err == nil {
				err = r.Record(ctx, tx, entries)
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE sync_routes SET last_key = ? WHERE table_name = ?`, keys[len(keys)-1], table)
			}
			return err
		})
	}
	if err != nil {
		return false, fmt.Errorf("label rows of %s: %w", table, err)
	}
	if len(keys) == chunk {
		return true, nil
	}
	return true, r.labelled(ctx, table)
}

// entries returns the versions of rows as they are; those that no one has written get one older than any write.
func (r *Router) entries(ctx context.Context, tx mysqldb.Tx, rows []change.Row) ([]version.Entry, error) {
	states, err := version.Read(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	t, err := r.tables.Table(ctx, rows[0].Table)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	there, err := r.Read(ctx, tx, t, keys)
	if err != nil {
		return nil, err
	}
	var list []version.Entry
	for _, row := range rows {
		if _, ok := there[row.Key]; !ok {
			continue // deleted meanwhile
		}
		e := version.Entry{Row: row, State: states[row], Fate: version.There}
		if e.Version.IsZero() {
			e.Version = change.Version{Time: change.Baseline, Origin: r.cfg.ClientName}
		}
		list = append(list, e)
	}
	return list, nil
}

// labelled ends the labelling of a table: remotes that were sent the table before give back what is not theirs, and get
// what they lack.
func (r *Router) labelled(ctx context.Context, table string) error {
	var sent []string
	if err := r.db.SelectContext(ctx, &sent, `SELECT remote FROM sync_snapshots WHERE table_name = ?`, table); err != nil {
		return fmt.Errorf("read who was sent %s: %w", table, err)
	}
	sent = slices.DeleteFunc(sent, func(remote string) bool { return r.All(remote, table) })
	var err error
	if len(sent) > 0 && r.cfg.InitialSync != snapshot.None { // before it is finished: a kill in between repeats it. Promise 1
		err = snapshot.Request(ctx, r.db, sent, table, snapshot.Missing, "")
	}
	if err == nil {
		err = mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error {
			if len(sent) > 0 {
				if err := reroute(ctx, tx, table, rerouting{Not: sent}); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, `UPDATE sync_routes SET finished = 1 WHERE table_name = ?`, table)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("end the labelling of %s: %w", table, err)
	}
	r.mu.Lock()
	r.ready[table] = true
	r.mu.Unlock()
	r.log.Info("it is known of all rows of a table who has them", zap.String("table", table))
	r.told()
	return nil
}
