package log

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// definition is that of a table by which the log's rows are understood. It is read later than they are written, so what they do not tell is
// taken for what it was then only if nothing stands in the log between that alters it. What is altered without a word in the log, as with
// sql_log_bin=0, shows when the log describes the table anew, as it does after each alteration: the server opens the table anew.
type definition struct {
	table    *schema.Table
	columns  columns
	trusted  trust // what of it rows are taken to agree with
	late     trust // what of that may have been made after them
	unlogged bool  // without a word in the log
	another  bool  // the table has another by now, and it is not known yet whether the log says so
}

// trust says what of a definition the log's rows do not tell.
type trust struct {
	order bool // of the columns, which have no names
	texts bool // the key's character sets and members
}

// trusts returns what rows of a table do not tell.
func trusts(t *schema.Table, l *binlog.Layout) trust {
	return trust{!l.Named, slices.ContainsFunc(t.Key, func(k int) bool { return t.Columns[k].Kind == value.Text })}
}

// and returns what both say.
func (t trust) and(o trust) trust { return trust{t.order && o.order, t.texts && o.texts} }

var (
	errAltered  = errors.New("it was altered after its rows were written and before they were read")
	errUnlogged = errors.New("it was altered, and the log does not say so, as with sql_log_bin=0")
)

// late returns why rows are not understood although they fit: what they do not tell may have been made after them.
func (s *shape) late() error {
	switch {
	case s.by == nil || s.needs.and(s.by.late) == trust{}:
		return nil
	case s.by.unlogged:
		return errUnlogged
	}
	return errAltered
}

// take has rows be understood by a table's definition, once that is settled.
func (s *shapes) take(ctx context.Context, sh *shape, l *binlog.Layout) error {
	if sh.needs = trusts(sh.table, l); sh.needs == (trust{}) {
		return nil
	}
	if sh.by = s.taken[sh.name]; sh.by != nil && sh.needs.and(sh.by.trusted) == sh.needs {
		return nil
	}
	c, err := s.columns(ctx, sh.name)
	if err != nil {
		return err
	}
	sh.by = &definition{table: sh.table, columns: c, trusted: sh.needs}
	s.taken[sh.name] = sh.by
	s.unsettled = append(s.unsettled, sh.by)
	return nil
}

// compare looks whether a table has another definition by now than its rows are understood by.
func (s *shapes) compare(ctx context.Context, table string, l *binlog.Layout) error {
	d := s.taken[table]
	if d == nil {
		return nil
	}
	shown, err := s.readShown(ctx, table)
	if mysqldb.Stuck(err) || err == nil && len(shown) == 0 {
		return nil // it is being altered, or gone: there are no later rows yet
	}
	if err != nil || d.agrees(shown, trusts(d.table, l)) {
		return err
	}
	d.another = true
	s.unsettled = append(s.unsettled, d)
	return nil
}

// settle finds out whether what was read means what the definitions say that were read for it.
func (s *shapes) settle(ctx context.Context) error {
	if len(s.unsettled) == 0 {
		return nil
	}
	end, err := s.ahead.look(ctx)
	if err != nil {
		return err
	}
	for _, d := range s.unsettled {
		if d.another && s.ahead.tables[d.table.Name] == nil { // nothing in the log says so
			s.ahead.unlogged(d.table.Name, end)
		}
	}
	for _, d := range s.unsettled {
		a := s.ahead.tables[d.table.Name]
		if past := a != nil && a.past != nil; !d.another || past {
			d.late, d.unlogged = a.does(), past
		}
		d.another = false
	}
	s.unsettled = nil
	return nil
}

// agrees reports whether what rows do not tell is as in other columns.
func (d *definition) agrees(shown []column, need trust) bool {
	if need.order && !slices.EqualFunc(d.columns.shown, shown, func(a, b column) bool { return a.name == b.name }) {
		return false
	}
	return !need.texts || !slices.ContainsFunc(d.table.Key, func(k int) bool {
		name := d.table.Columns[k].Name
		return find(d.columns.shown, name) != find(shown, name)
	})
}

// columns are all of a table's, generated ones included, in the order of the log.
type columns struct {
	shown  []column
	hidden []string
}

// column is what rows may not tell of one.
type column struct {
	name string
	text string // of one that has characters: its type, and which
}

func find(list []column, name string) column {
	if i := slices.IndexFunc(list, func(c column) bool { return c.name == name }); i >= 0 {
		return list[i]
	}
	return column{}
}

func (c columns) names() []string {
	list := make([]string, 0, len(c.shown)+len(c.hidden))
	for i := range c.shown {
		list = append(list, c.shown[i].name)
	}
	return append(list, c.hidden...)
}

// columns returns the columns of a table.
func (s *shapes) columns(ctx context.Context, table string) (c columns, err error) {
	if c, ok := s.order[table]; ok {
		return c, nil
	}
	if c.shown, err = s.readShown(ctx, table); err != nil {
		return c, err
	}
	if s.db.MariaDB {
		if c.hidden, err = s.readHidden(ctx, table); err != nil {
			return c, err
		}
	}
	s.order[table] = c
	return c, nil
}

const selectShown = `SELECT COLUMN_NAME, CASE WHEN CHARACTER_SET_NAME IS NULL THEN '' ELSE CONCAT_WS(' ', COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME) END
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`

// readShown reads the columns that the server shows. It is run of each table when the server opens it anew.
func (s *shapes) readShown(ctx context.Context, table string) (list []column, err error) {
	err = mysqldb.Each(ctx, s.db, selectShown, []any{s.db.Name, table}, func(r *sql.Rows) error {
		var c column
		err := r.Scan(&c.name, &c.text)
		list = append(list, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", table, err)
	}
	return list, nil
}

// readHidden reads those that MariaDB adds.
func (s *shapes) readHidden(ctx context.Context, table string) (list []string, err error) {
	var keepsHistory bool
	err = s.db.GetContext(ctx, &keepsHistory, `SELECT COUNT(*) > 0 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND TABLE_TYPE = 'SYSTEM VERSIONED'`, s.db.Name, table)
	if err != nil {
		return nil, fmt.Errorf("read whether %s is system-versioned: %w", table, err)
	}
	if keepsHistory {
		list = append(list, hidden...)
	}
	var hashes []string
	err = s.db.SelectContext(ctx, &hashes, `SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_TYPE = 'HASH'`, s.db.Name, table)
	if err != nil {
		return nil, fmt.Errorf("read the indexes of %s: %w", table, err)
	}
	for range hashes {
		list = append(list, hash)
	}
	return list, nil
}

// forget has a table's definition read again.
func (s *shapes) forget(table string) {
	s.tables.Forget(table)
	delete(s.order, table)
	delete(s.taken, table)
}

// forgetAll has all definitions read again.
func (s *shapes) forgetAll() {
	clear(s.order)
	clear(s.taken)
	s.tables = schema.NewTables(s.db)
}
