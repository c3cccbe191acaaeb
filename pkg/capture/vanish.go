package capture

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// sample is a row of a table and the version that it had while it was there. A
// delete that the triggers see gives it another.
type sample struct {
	Key     []byte         `json:"key"`
	Version change.Version `json:"version"`
}

// sample looks after the first and the last row of a table as it was at the last
// look, be it of an earlier run. One that is gone though nothing recorded it was taken by something that
// fires no triggers, TRUNCATE above all. That is told and not repeated at the
// remotes, for it cannot be told from a loss: promise 7.
func (w *Watcher) sample(ctx context.Context, t *schema.Table) error {
	keys, err := w.ends(ctx, t)
	if err != nil {
		return err
	}
	var absent []sample
	for _, s := range w.samples[t.Name] {
		if !slices.Contains(keys, string(s.Key)) {
			absent = append(absent, s)
		}
	}
	vanished, err := w.vanished(ctx, t, absent)
	if err != nil {
		return err
	}
	if vanished {
		w.Lose(t.Name)
		w.log.Warn("rows are gone that no trigger saw go, as by TRUNCATE; they stay at the remotes: empty the table there as well, or have them sent back with resync there",
			zap.String("table", t.Name), zap.Time("lastSeen", w.sampled[t.Name]))
	}
	w.samples[t.Name], err = w.versions(ctx, t, keys)
	return err
}

// ends returns the keys of the first and the last row of a table.
func (w *Watcher) ends(ctx context.Context, t *schema.Table) ([]string, error) {
	down := make([]string, len(t.Key))
	for i, k := range t.Key {
		down[i] = mysqldb.Quote(t.Columns[k].Name) + " DESC"
	}
	query := "SELECT " + t.KeyExpr("") + " AS k FROM " + mysqldb.Quote(t.Name) + " ORDER BY "
	return w.keys(ctx, t, "("+query+t.KeyColumns()+" LIMIT 1) UNION ("+query+strings.Join(down, ", ")+" LIMIT 1)", nil)
}

// there returns those of the keys whose rows exist.
func (w *Watcher) there(ctx context.Context, t *schema.Table, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var args []any
	var err error
	for _, k := range keys {
		if args, err = t.KeyArgs(args, k); err != nil {
			return nil, err
		}
	}
	return w.keys(ctx, t, "SELECT "+t.KeyExpr("")+" FROM "+t.ByKey()+" WHERE "+t.WhereKeys(len(keys)), args)
}

func (w *Watcher) keys(ctx context.Context, t *schema.Table, query string, args []any) ([]string, error) {
	var keys []string
	if err := w.db.SelectContext(ctx, &keys, query, args...); err != nil {
		return nil, fmt.Errorf("look at rows of %s: %w", t.Name, err)
	}
	return keys, nil
}

// versions returns the rows of the keys with their versions. A row that is still
// there after its version was read was there with it.
func (w *Watcher) versions(ctx context.Context, t *schema.Table, keys []string) ([]sample, error) {
	rows := make([]change.Row, len(keys))
	for i, k := range keys {
		rows[i] = change.Row{Table: t.Name, Key: k}
	}
	if err := w.tables.Identify(ctx, rows); err != nil {
		return nil, err
	}
	states, err := version.Read(ctx, w.db, rows)
	if err != nil {
		return nil, err
	}
	there, err := w.there(ctx, t, keys)
	if err != nil {
		return nil, err
	}
	var list []sample
	for _, r := range rows {
		if slices.Contains(there, r.Key) {
			list = append(list, sample{[]byte(r.Key), states[r].Version})
		}
	}
	return list, nil
}

// vanished reports whether one of the rows is gone and nothing recorded it.
func (w *Watcher) vanished(ctx context.Context, t *schema.Table, absent []sample) (bool, error) {
	keys := make([]string, len(absent))
	for i, s := range absent {
		keys[i] = string(s.Key)
	}
	there, err := w.there(ctx, t, keys)
	if err != nil {
		return false, err
	}
	for _, s := range absent {
		rows := []change.Row{{Table: t.Name, Key: string(s.Key)}}
		if slices.Contains(there, rows[0].Key) {
			continue
		}
		if err := w.tables.Identify(ctx, rows); err != nil {
			return false, err
		}
		// In this order: what is captured between the two has a new version.
		var pending bool
		err := w.db.GetContext(ctx, &pending, `SELECT EXISTS(SELECT 1 FROM table_changes WHERE table_name = ? AND primary_key = ?)`, t.Name, s.Key)
		if err != nil {
			return false, fmt.Errorf("look at the changes of %s: %w", t.Name, err)
		}
		states, err := version.Read(ctx, w.db, rows)
		if err != nil {
			return false, err
		}
		if !pending && states[rows[0]].Version == s.Version {
			return true, nil
		}
	}
	return false, nil
}
