package log

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// The own tables whose rows in the log mean something.
const (
	versions = "sync_versions" // who writes a row's version writes the row itself: rule 4
	position = "sync_log"      // P, and its marks: rule 6
	finished = "sync_log_done" // what is done though P does not pass it: rule 8
	notes    = "table_changes" // what triggers on parents say about cascades
)

// ownColumns are the columns of them that are read, in this order.
var ownColumns = map[string][]string{
	versions: {"table_name", "row_id"},
	position: {"mark", "position"},
	finished: {"names"},
	notes:    {"id", "table_name", "primary_key", "gone", "detail"},
}

// shape says where in the log's rows of a table the columns are that matter.
type shape struct {
	name  string
	table *schema.Table // nil: an own table
	at    []int         // of each of table.Columns, or of ownColumns, its place in the values; -1: it is not among them
	ends  int           // the place of rowEnd in the values, of a system-versioned table; -1: of another
	bad   error         // why the rows cannot be understood
	keyed bool          // but for their keys, which can
	by    *definition   // by which they are; nil: they tell all
	needs trust         // what of it they do not tell

	convert binlog.Convert
}

// shapes knows the tables as the log describes them. It belongs to who reads the log.
type shapes struct {
	db     *mysqldb.DB
	schema string // the database's name
	// spelled returns a table's name as the configuration has it.
	spelled   func(string) string
	tables    Tables
	synced    func(name string) bool
	whole     func(name string) bool    // whether all columns of a table matter, not only those of the key
	order     map[string]columns        // the columns of tables, for a log that does not tell enough
	known     map[*binlog.Layout]*shape // as the log describes them
	keyed     map[string][]string       // the keys of tables as last seen
	moved     []string                  // tables that have another key since: their versions name no rows of theirs
	taken     map[string]*definition    // by what the rows of tables are understood
	unsettled []*definition             // see settle
	ahead     ahead
	asking    func() context.Context // of who reads now
	failed    error                  // why a definition could not be read; the reading begins again
}

// Tables are the definitions of the tables.
type Tables interface {
	Table(ctx context.Context, name string) (*schema.Table, error)
	Forget(name string) // has it be read again
}

// wants is binlog.Config.Wants.
func (s *shapes) wants(l *binlog.Layout) ([]int, bool) {
	if l.Schema != s.schema || s.failed != nil {
		return nil, false
	}
	name := s.spelled(l.Table)
	own := ownColumns[name]
	if own == nil && !s.synced(name) {
		return nil, false
	}
	sh, columns, err := s.shape(s.asking(), l, name, own)
	if err != nil {
		if s.failed == nil {
			s.failed = err
		}
		return nil, true
	}
	if len(s.known) > mostShapes {
		clear(s.known)
	}
	s.known[l] = sh
	return columns, true
}

// mostShapes is how many descriptions of tables are kept. Promise 10.
const mostShapes = 10_000

// shape returns where the columns of a table are, and the places of those that are wanted.
func (s *shapes) shape(ctx context.Context, l *binlog.Layout, name string, own []string) (*shape, []int, error) {
	if own != nil {
		sh := &shape{name: name, ends: -1}
		return sh, s.find(ctx, sh, l, own, nil), s.failed
	}
	if err := s.compare(ctx, name, l); err != nil {
		return nil, nil, err
	}
	for again := range 2 {
		if again > 0 {
			s.forget(name)
		}
		t, err := s.tables.Table(ctx, name)
		if errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) || mysqldb.Stuck(err) {
			return &shape{name: name, ends: -1, bad: err}, nil, nil // the watcher tells it
		}
		if err != nil {
			return nil, nil, err
		}
		if key := t.KeyNames(); !slices.Equal(s.keyed[name], key) {
			if s.keyed[name] != nil {
				s.moved = append(s.moved, name)
			}
			s.keyed[name] = key
		}
		sh := &shape{name: name, table: t, ends: -1, convert: s.convert}
		var needed func(i int) bool
		if !s.whole(name) {
			needed = func(i int) bool { return slices.Contains(t.Key, i) }
		}
		columns := s.find(ctx, sh, l, t.Names(), needed)
		if s.failed != nil {
			return nil, nil, s.failed
		}
		if at := endsAt(t, l, s.order[name].names()); at >= 0 {
			sh.ends = len(columns)
			columns = append(columns, at)
		}
		if sh.bad = s.fits(sh, l, columns); sh.bad == nil || again > 0 {
			sh.keyed = sh.bad != nil && s.keyFits(sh, l, columns) == nil
			return sh, columns, s.take(ctx, sh, l)
		}
	}
	return nil, nil, nil
}

// find notes where columns are in the log's rows. needed, which may be nil, reports whether one is wanted.
func (s *shapes) find(ctx context.Context, sh *shape, l *binlog.Layout, names []string, needed func(i int) bool) (columns []int) {
	sh.at = make([]int, len(names))
	var order []string
	if !l.Named {
		all, err := s.columns(ctx, sh.name)
		if err != nil {
			s.failed = err
			return nil
		}
		if order = all.names(); len(order) != len(l.Columns) {
			order = nil
		}
	}
	for i, name := range names {
		sh.at[i] = -1
		at := slices.Index(order, name)
		if l.Named {
			at = l.Index(name)
		}
		if at < 0 || needed != nil && !needed(i) {
			continue
		}
		sh.at[i] = len(columns)
		columns = append(columns, at)
	}
	return columns
}

// fits returns why the rows of a table are not what its definition says: it was altered since, or is.
func (s *shapes) fits(sh *shape, l *binlog.Layout, columns []int) error {
	for i := range sh.at {
		if err := sh.fits(l, columns, i); err != nil {
			return err
		}
	}
	return s.keyFits(sh, l, columns)
}

// fits is the same for a column.
func (s *shape) fits(l *binlog.Layout, columns []int, column int) error {
	at := s.at[column]
	if at < 0 {
		return nil
	}
	if err := l.Fits(columns[at], &s.table.Columns[column]); err != nil {
		return fmt.Errorf("the log's rows of %s: %w", s.name, err)
	}
	return nil
}

// keyFits is the same for the key.
func (s *shapes) keyFits(sh *shape, l *binlog.Layout, columns []int) error {
	t := sh.table
	for _, k := range t.Key {
		if sh.at[k] < 0 {
			return fmt.Errorf("the log's rows of %s have no key column %s", sh.name, t.Columns[k].Name)
		}
		if err := sh.fits(l, columns, k); err != nil {
			return err
		}
	}
	if l.Key == nil || l.Prefixes {
		return nil
	}
	var key []string
	for _, k := range l.Key {
		if sh.ends < 0 || k != columns[sh.ends] {
			key = append(key, l.Columns[k].Name)
		}
	}
	if !slices.Equal(key, t.KeyNames()) {
		return fmt.Errorf("the log's rows of %s have the key %q, not %q", sh.name, key, t.KeyNames())
	}
	return nil
}

// convert has the server turn a text of another character set into UTF-8: only the server knows all of them.
func (s *shapes) convert(charset string, text []byte) ([]byte, error) {
	var converted []byte
	err := s.db.QueryRowContext(s.asking(), "SELECT CAST(CONVERT(_"+charset+" x'"+hex.EncodeToString(text)+"' USING utf8mb4) AS BINARY)").Scan(&converted)
	if err != nil {
		return nil, fmt.Errorf("convert a text from %s: %w", charset, err)
	}
	return converted, nil
}
