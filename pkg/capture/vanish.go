package capture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
	row     change.Row     // of the key; empty until it was asked for
}

// sample looks after the first and the last row of each table as it was at the last
// look, be it of an earlier run. One that is gone though nothing recorded it was taken by something that
// fires no triggers, TRUNCATE above all. That is told and not repeated at the
// remotes, for it cannot be told from a loss: promise 7. Where all is as it was, it is a
// few statements for all tables.
func (w *Watcher) sample(ctx context.Context, tables []*schema.Table, begun time.Time) error {
	ends, err := w.allEnds(ctx, tables)
	errs := []error{err}
	var rows []change.Row
	for _, t := range tables {
		for _, key := range ends[t.Name] {
			rows = append(rows, w.rowOf(t, key))
		}
	}
	if err := w.identify(ctx, rows); err != nil {
		return errors.Join(append(errs, err)...)
	}
	states, err := version.Read(ctx, w.db, rows)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	at := 0
	for _, t := range tables {
		keys, ok := ends[t.Name]
		if !ok {
			continue // it could not be looked at
		}
		err := w.sampleTable(ctx, t, keys, rows[at:at+len(keys)], states)
		at += len(keys)
		if w.tables.SetAside(t.Name, err) {
			continue
		}
		errs = append(errs, err)
		w.sampled[t.Name] = begun
	}
	return errors.Join(errs...)
}

// rowOf returns the row of a key, with its ID where it is known from the last look.
func (w *Watcher) rowOf(t *schema.Table, key string) change.Row {
	for _, s := range w.samples[t.Name] {
		if string(s.Key) == key && s.row.Table != "" {
			return s.row
		}
	}
	return change.Row{Table: t.Name, Key: key}
}

// identify gives those of the rows their IDs that are not known from the last look.
func (w *Watcher) identify(ctx context.Context, rows []change.Row) error {
	var fresh []change.Row
	known := func(r change.Row) bool {
		return slices.ContainsFunc(w.samples[r.Table], func(s sample) bool { return s.row.Table != "" && string(s.Key) == r.Key })
	}
	for _, r := range rows {
		if !known(r) {
			fresh = append(fresh, r)
		}
	}
	if err := w.tables.Identify(ctx, fresh); err != nil {
		return err
	}
	for i, r := range rows {
		if !known(r) {
			rows[i], fresh = fresh[0], fresh[1:]
		}
	}
	return nil
}

// sampleTable compares the ends of a table with those of the last look, and remembers them.
func (w *Watcher) sampleTable(ctx context.Context, t *schema.Table, keys []string, rows []change.Row, states map[change.Row]change.State) error {
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
		w.log.Warn("rows vanished without firing a trigger, as with TRUNCATE; they stay at the remotes: empty the table there too, or get the rows back with resync there",
			zap.String("table", t.Name), zap.Time("lastSeen", w.sampled[t.Name]))
	}
	w.samples[t.Name], err = w.stillThere(ctx, t, rows, states)
	return err
}

// stillThere returns the rows with their versions. A row that is still there after its
// version was read was there with it; so was one that has the version of the last look.
func (w *Watcher) stillThere(ctx context.Context, t *schema.Table, rows []change.Row, states map[change.Row]change.State) ([]sample, error) {
	var list []sample
	var doubtful []string
	for _, r := range rows {
		s := sample{[]byte(r.Key), states[r].Version, r}
		if !slices.ContainsFunc(w.samples[t.Name], func(o sample) bool { return string(o.Key) == r.Key && o.Version == s.Version }) {
			doubtful = append(doubtful, r.Key)
		}
		list = append(list, s)
	}
	there, err := w.there(ctx, t, doubtful)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(s sample) bool {
		return slices.Contains(doubtful, string(s.Key)) && !slices.Contains(there, string(s.Key))
	}), nil
}

// endsMost is how many tables one statement looks at.
const endsMost = 50

// allEnds returns the keys of the first and the last row of each table. One that cannot
// be looked at is missing, and does not hinder the others; nor is it an error where somebody
// has locked it.
func (w *Watcher) allEnds(ctx context.Context, tables []*schema.Table) (map[string][]string, error) {
	ends := make(map[string][]string, len(tables))
	var errs []error
	tables = slices.DeleteFunc(slices.Clone(tables), func(t *schema.Table) bool { return w.tables.Aside(t.Name) != nil })
	for part := range slices.Chunk(tables, endsMost) {
		err := w.addEnds(ctx, ends, part)
		for i := 0; err != nil && len(part) > 1 && i < len(part) && ctx.Err() == nil; i++ {
			if one := w.addEnds(ctx, ends, part[i:i+1]); one != nil && !w.tables.SetAside(part[i].Name, one) {
				errs = append(errs, one)
			}
		}
		if len(part) == 1 && !w.tables.SetAside(part[0].Name, err) {
			errs = append(errs, err)
		}
	}
	return ends, errors.Join(errs...)
}

func (w *Watcher) addEnds(ctx context.Context, ends map[string][]string, tables []*schema.Table) error {
	var parts []string
	for i, t := range tables {
		down := make([]string, len(t.Key))
		for n, k := range t.Key {
			down[n] = mysqldb.Quote(t.Columns[k].Name) + " DESC"
		}
		query := "(SELECT " + strconv.Itoa(i) + " AS t, CAST(" + t.KeyExpr("") + " AS BINARY) AS k FROM " + mysqldb.Quote(t.Name) + " ORDER BY "
		parts = append(parts, query+t.KeyColumns()+" LIMIT 1)", query+strings.Join(down, ", ")+" LIMIT 1)")
	}
	found := make([][]string, len(tables))
	err := mysqldb.Each(ctx, w.db.AtOnce(w.db), strings.Join(parts, " UNION ALL "), nil, func(r *sql.Rows) error {
		var i int
		var key string
		err := r.Scan(&i, &key)
		if err == nil && !slices.Contains(found[i], key) {
			found[i] = append(found[i], key)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look at rows of %s: %w", tables[0].Name, err)
	}
	for i, t := range tables {
		ends[t.Name] = found[i]
	}
	return nil
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
	err := mysqldb.Each(ctx, w.db.AtOnce(w.db), query, args, func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at rows of %s: %w", t.Name, err)
	}
	return keys, nil
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
