package trigger

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

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// sample is a row of a table and the version that it had while it existed. A delete that the triggers notice gives it a
// new version.
type sample struct {
	Key     []byte         `json:"key"`
	Version change.Version `json:"version"`
	row     change.Row     // with that key; empty until looked up
}

// ends has the first and the last row of each table.
type ends struct {
	log     *zap.Logger
	db      *mysqldb.DB
	tables  *schema.Tables
	source  capture.Asked
	lose    func(table string) // called with tables whose rows vanished
	samples map[string][]sample
	sampled map[string]time.Time // when the samples of each table were taken
}

// recall restores what an earlier run remembered about a table.
func (e *ends) recall(table string, m *memory) {
	e.samples[table], e.sampled[table] = m.Samples, m.at
}

// forget forgets a table's samples, because its definition has changed.
func (e *ends) forget(table string) { delete(e.samples, table) }

// look checks the rows that were the first and the last of each table at the last check, even if that was in an earlier
// run. If one is gone without a record, something deleted it without firing triggers, most likely TRUNCATE. That is
// reported but not repeated at the remotes, since it cannot be told apart from a loss: promise 7. If nothing has changed,
// it takes a few statements for all tables.
func (e *ends) look(ctx context.Context, tables []*schema.Table, begun time.Time) error {
	ends, err := e.allEnds(ctx, tables)
	errs := []error{err}
	var rows []change.Row
	for _, t := range tables {
		for _, key := range ends[t.Name] {
			rows = append(rows, e.rowOf(t, key))
		}
	}
	if err := e.identify(ctx, rows); err != nil {
		return errors.Join(append(errs, err)...)
	}
	states, err := version.Read(ctx, e.db, rows)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	at := 0
	for _, t := range tables {
		keys, ok := ends[t.Name]
		if !ok {
			continue // it could not be checked
		}
		err := e.sampleTable(ctx, t, keys, rows[at:at+len(keys)], states)
		at += len(keys)
		if e.tables.SetAside(t.Name, err) {
			continue
		}
		errs = append(errs, err)
		e.sampled[t.Name] = begun
	}
	return errors.Join(errs...)
}

// rowOf returns the row with a key, with its ID if known from the last check.
func (e *ends) rowOf(t *schema.Table, key string) change.Row {
	for _, s := range e.samples[t.Name] {
		if string(s.Key) == key && s.row.Table != "" {
			return s.row
		}
	}
	return change.Row{Table: t.Name, Key: key}
}

// identify gives IDs to those of the rows whose IDs are not known from the last check.
func (e *ends) identify(ctx context.Context, rows []change.Row) error {
	var fresh []change.Row
	known := func(r change.Row) bool {
		return slices.ContainsFunc(e.samples[r.Table], func(s sample) bool { return s.row.Table != "" && string(s.Key) == r.Key })
	}
	for _, r := range rows {
		if !known(r) {
			fresh = append(fresh, r)
		}
	}
	if err := e.tables.Identify(ctx, fresh); err != nil {
		return err
	}
	for i, r := range rows {
		if !known(r) {
			rows[i], fresh = fresh[0], fresh[1:]
		}
	}
	return nil
}

// sampleTable compares the ends of a table with those of the last check, and remembers them.
func (e *ends) sampleTable(ctx context.Context, t *schema.Table, keys []string, rows []change.Row, states map[change.Row]change.State) error {
	var absent []sample
	for _, s := range e.samples[t.Name] {
		if !slices.Contains(keys, string(s.Key)) {
			absent = append(absent, s)
		}
	}
	vanished, err := e.vanished(ctx, t, absent)
	if err != nil {
		return err
	}
	if vanished {
		e.lose(t.Name)
		e.log.Warn("rows vanished without firing a trigger, as with TRUNCATE; they stay at the remotes: empty the table there too, or get the rows back with resync there",
			zap.String("table", t.Name), zap.Time("lastSeen", e.sampled[t.Name]))
	}
	e.samples[t.Name], err = e.stillThere(ctx, t, rows, states)
	return err
}

// stillThere returns the rows that existed in the versions that were read: those that still exist afterwards, and those
// that already had the same version at the last check.
func (e *ends) stillThere(ctx context.Context, t *schema.Table, rows []change.Row, states map[change.Row]change.State) ([]sample, error) {
	var list []sample
	var doubtful []string
	for _, r := range rows {
		s := sample{[]byte(r.Key), states[r].Version, r}
		if !slices.ContainsFunc(e.samples[t.Name], func(o sample) bool { return string(o.Key) == r.Key && o.Version == s.Version }) {
			doubtful = append(doubtful, r.Key)
		}
		list = append(list, s)
	}
	there, err := e.there(ctx, t, doubtful)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(s sample) bool {
		return slices.Contains(doubtful, string(s.Key)) && !slices.Contains(there, string(s.Key))
	}), nil
}

// endsMost is how many tables one statement checks.
const endsMost = 50

// allEnds returns the keys of the first and the last row of each table. A table that cannot be read is left out, and does
// not affect the others; if someone has locked it, that is no error.
func (e *ends) allEnds(ctx context.Context, tables []*schema.Table) (map[string][]string, error) {
	ends := make(map[string][]string, len(tables))
	var errs []error
	tables = slices.DeleteFunc(slices.Clone(tables), func(t *schema.Table) bool { return e.tables.Aside(t.Name) != nil })
	for part := range slices.Chunk(tables, endsMost) {
		err := e.addEnds(ctx, ends, part)
		for i := 0; err != nil && len(part) > 1 && i < len(part) && ctx.Err() == nil; i++ {
			if one := e.addEnds(ctx, ends, part[i:i+1]); one != nil && !e.tables.SetAside(part[i].Name, one) {
				errs = append(errs, one)
			}
		}
		if len(part) == 1 && !e.tables.SetAside(part[0].Name, err) {
			errs = append(errs, err)
		}
	}
	return ends, errors.Join(errs...)
}

func (e *ends) addEnds(ctx context.Context, ends map[string][]string, tables []*schema.Table) error {
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
	err := mysqldb.Each(ctx, e.db.AtOnce(e.db), strings.Join(parts, " UNION ALL "), nil, func(r *sql.Rows) error {
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

// there returns the keys whose rows exist.
func (e *ends) there(ctx context.Context, t *schema.Table, keys []string) ([]string, error) {
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
	return e.keys(ctx, t, "SELECT "+t.KeyExpr("")+" FROM "+t.ByKey()+" WHERE "+t.WhereKeys(len(keys)), args)
}

func (e *ends) keys(ctx context.Context, t *schema.Table, query string, args []any) ([]string, error) {
	var keys []string
	err := mysqldb.Each(ctx, e.db.AtOnce(e.db), query, args, func(r *sql.Rows) error {
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

// vanished reports whether one of the rows is gone without a record.
func (e *ends) vanished(ctx context.Context, t *schema.Table, absent []sample) (bool, error) {
	keys := make([]string, len(absent))
	for i, s := range absent {
		keys[i] = string(s.Key)
	}
	there, err := e.there(ctx, t, keys)
	if err != nil {
		return false, err
	}
	for _, s := range absent {
		rows := []change.Row{{Table: t.Name, Key: string(s.Key)}}
		if slices.Contains(there, rows[0].Key) {
			continue
		}
		if err := e.tables.Identify(ctx, rows); err != nil {
			return false, err
		}
		// In this order: if it is captured in between, it has a new version.
		pending, err := capture.Uncaptured(ctx, e.db, e.source, t.Name, []string{rows[0].Key})
		if err != nil {
			return false, err
		}
		states, err := version.Read(ctx, e.db, rows)
		if err != nil {
			return false, err
		}
		fates, err := version.Fates(ctx, e.db, rows)
		if err != nil {
			return false, err
		}
		if len(pending) == 0 && states[rows[0]].Version == s.Version && fates[rows[0]] != version.Withdrawn {
			return true, nil
		}
	}
	return false, nil
}
