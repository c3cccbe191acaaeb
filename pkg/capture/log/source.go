package log

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Config says which writes count.
type Config struct {
	MySQL config.MySQL      // how the log is reached
	Syncs func(string) bool // whether a table is in syncTables
	// Details reports whether it matters which columns of a table an update changed; nil: of none.
	Details func(table string) bool
	// Counters returns a table's counters; nil: no table has any.
	Counters func(table string) []string
	// Credited returns the origin to which an increment made at a time is credited; nil: that of all writes.
	Credited func(at int64) string
	// Lost is called when rows of a table are gone that may not have been deleted. It must not block, and may be nil.
	Lost func(table string, at time.Time)
}

// Triggers are the Sources that work with triggers.
type Triggers struct {
	Cascades capture.Source // only those on parents: what foreign keys do is not in the log
	Rows     capture.Source // all: as before the log was read
}

// Source yields what the log says.
type Source struct {
	Config
	log     *zap.Logger
	db      *mysqldb.DB
	server  Server
	waits   Waits
	mariaDB bool
	through Triggers
	decoder decoder
	tap     tap
	opening sync.Mutex
	pending *pending // nil: not opened
	start   start
	known   known
	waited  uint64 // how many transactions of unknown outcome capture has read past
	kicks   kicks
}

// tap is what reads the log. It belongs to who holds it.
type tap struct {
	held    chan struct{} // has a place for who holds it
	reader  Reader
	next    *binlog.Transaction // it waits until it is known what it means; nil: none
	heard   time.Time           // when the server was last heard
	again   bool                // a reader has been connected before
	proving *proving            // nil: no proof was begun and not ended
	asking  context.Context     //nolint:containedctx // of who holds it, for what the reader calls
	quiet   quiet
	clock   clock
}

// quiet is what is known since the server last sent a transaction.
type quiet struct {
	written *binlog.Written // how far the log was written at the last beat; nil: there was none
	proved  bool            // whether the server was asked again although it says that it has sent all
}

// kicks wake those who watch.
type kicks struct {
	tell    chan struct{} // something is to be told
	altered chan struct{} // a definition may have changed
}

// known is what all may ask.
type known struct {
	mu       sync.Mutex
	keys     []schema.ForeignKey
	read     binlog.Read
	moved    chan struct{}    // closed when read moves; nil: no one waits
	doubtful map[string]doubt // by table
	broken   error            // why nothing is read until the tables are sent as a whole
	keeper   keeper
	crowd    crowd
	marks    marks
}

// start is what a start found.
type start struct {
	fresh    bool            // there is no P: the log was not read before
	foreign  string          // why the log is not the one that P is of; empty: it is
	draining bool            // what table_changes had at the start is not recorded yet
	end      binlog.Written  // how far the log was written
	written  map[string]bool // the tables of which it had rows after P
}

var _ capture.Source = (*Source)(nil)

// New returns a database's Source.
func New(log *zap.Logger, db *mysqldb.DB, c Config, through Triggers) *Source {
	s := On(log, Played{Server: &server{c, db}, Waits: byClock{}, Tables: schema.NewTables(db), Schema: db.Name, MariaDB: db.MariaDB,
		Clock: func() int64 { return change.Micros(time.Now()) }}, c, through)
	s.db, s.decoder.shapes.db, s.decoder.shapes.spelled = db, db, db.Spelled
	return s
}

// Played is what takes the place of a database.
type Played struct {
	Server
	Waits
	Tables  Tables
	Schema  string
	MariaDB bool         // else MySQL
	Clock   func() int64 // the node's, in µs since 1970: no write is dated later
}

// On returns a Source of a log other than a server's.
func On(log *zap.Logger, p Played, c Config, through Triggers) *Source {
	s := &Source{Config: c, log: log, server: p.Server, waits: p.Waits, mariaDB: p.MariaDB, through: through, kicks: kicks{make(chan struct{}, 1), make(chan struct{}, 1)}}
	s.tap.held, s.known.doubtful = make(chan struct{}, 1), map[string]doubt{}
	s.tap.clock.now = p.Clock
	s.decoder = decoder{Config: c, below: s.below, written: s.tap.clock.written, mariaDB: p.MariaDB, nth: map[string]uint32{}, shapes: &shapes{
		schema: p.Schema, spelled: func(name string) string { return name }, tables: p.Tables, synced: c.Syncs,
		order: map[string]columns{}, keyed: map[string][]string{}, known: map[*binlog.Layout]*shape{}, taken: map[string]*definition{},
		whole: func(table string) bool {
			return c.Details != nil && c.Details(table) || c.Counters != nil && len(c.Counters(table)) > 0
		},
		asking: func() context.Context { return s.tap.asking },
	}}
	s.decoder.shapes.ahead = ahead{server: p.Server, waits: p.Waits, read: s.position, alters: s.decoder.shapes.alters}
	return s
}

// Close ends the connection on which the log is read.
func (s *Source) Close() error {
	s.tap.held <- struct{}{}
	defer func() { <-s.tap.held }()
	if s.tap.reader != nil {
		s.close()
	}
	if s.tap.proving != nil {
		s.tap.proving.log.Close()
		s.tap.proving = nil
	}
	s.decoder.shapes.ahead.rest()
	return nil
}

// below returns the tables that foreign keys can change when a row of a parent changes.
func (s *Source) below(parent string) []string {
	s.known.mu.Lock()
	keys := s.known.keys
	s.known.mu.Unlock()
	found := []string{parent}
	for i := 0; i < len(found); i++ {
		for _, f := range keys {
			follows := f.OnDelete == "CASCADE" || f.OnDelete == "SET NULL" || f.OnUpdate == "CASCADE" || f.OnUpdate == "SET NULL"
			if f.Schema == s.decoder.shapes.schema && f.RefSchema == s.decoder.shapes.schema && f.RefTable == found[i] && follows && !slices.Contains(found, f.Table) {
				found = append(found, f.Table)
			}
		}
	}
	return found[1:]
}

// Ask implements capture.Source: the question is how far the log is written.
func (s *Source) Ask(table string, keys iter.Seq[string]) capture.Question {
	q := &question{source: s, table: table, keys: slices.Collect(keys)}
	if s.isDraining() {
		q.noted = s.through.Cascades.Ask(table, slices.Values(q.keys))
	}
	return q
}

// question asks which writes of some rows are not recorded.
type question struct {
	source *Source
	table  string
	keys   []string
	first  string
	second string
	read   binlog.Read      // what was read before the server was asked
	noted  capture.Question // nil: table_changes has nothing that the log does not tell
}

// AddTo implements capture.Question.
func (q *question) AddTo(s *mysqldb.Statement) {
	q.read.Position = q.source.position()
	s.SQL("SELECT " + binlog.WrittenColumns(q.source.mariaDB))
}

// Scan implements capture.Question.
func (q *question) Scan(rows *sql.Rows) error { return rows.Scan(&q.first, &q.second) }

// Answer implements capture.Question. Who asks holds the rows' locks, or does not mind: all that happened to the rows is
// in what was written by then. Promise 3.
func (q *question) Answer(ctx context.Context) ([]capture.Entry, error) {
	s := q.source
	w, err := binlog.ParseWritten(s.mariaDB, q.first, q.second)
	if errors.Is(err, binlog.ErrNameless) {
		err = mysqldb.Answer(lockWaitTimeout, err.Error()) // as if the row were locked until then
	}
	if err != nil {
		return nil, err
	}
	if w.Lacks(q.read) { // it would say nothing of what has happened since
		if err := s.renewed(ctx); err != nil {
			return nil, s.later(err)
		}
	}
	list, err := s.Waiting(ctx, q.table, q.keys, w)
	if err != nil {
		return nil, s.later(err)
	}
	if q.noted != nil {
		var q2 mysqldb.Statement
		q.noted.AddTo(&q2)
		if err := q2.Query(ctx, s.db, q.noted.Scan); err != nil {
			return nil, fmt.Errorf("read table_changes: %w", err)
		}
		old, err := q.noted.Answer(ctx)
		if err != nil {
			return nil, err
		}
		for i := range old {
			old[i].ID |= notedBit
		}
		list = append(old, list...)
	}
	return list, nil
}

// later has who asked about rows ask again soon, as if they were locked, if the log is only not read until the tables are sent as a whole.
func (s *Source) later(err error) error {
	if s.isBroken() != nil {
		return mysqldb.Answer(lockWaitTimeout, err.Error())
	}
	return err
}

// Waiting returns which writes of some rows are not recorded, of all that was written then.
func (s *Source) Waiting(ctx context.Context, table string, keys []string, w binlog.Written) ([]capture.Entry, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := s.until(ctx, w, math.MaxInt); err != nil {
		return nil, err
	}
	return s.pending.of(table, keys), nil
}

// notedBit marks the ids of entries of table_changes among those of the log.
const notedBit = 1 << 63

// Consume implements capture.Source.
func (s *Source) Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []capture.Entry) error {
	var told []capture.Entry
	for _, e := range entries {
		if e.ID&notedBit != 0 {
			e.ID &^= notedBit
			told = append(told, e)
		}
	}
	if s.pending != nil {
		items := s.pending.those(entries)
		told = append(told, noted(items)...)
		if err := s.tellDone(ctx, tx, byApply, names(items, never)); err != nil {
			return err
		}
		w.After(func() { s.pending.settle(items) })
	}
	if len(told) == 0 {
		return nil
	}
	return s.through.Cascades.Consume(ctx, tx, w, told)
}

// Count implements capture.Source.
func (s *Source) Count(ctx context.Context, most int) (int64, error) {
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	w, err := s.server.Written(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.until(ctx, w, most); err != nil {
		return 0, err
	}
	n := int64(s.pending.count())
	if s.isDraining() {
		noted, err := s.through.Cascades.Count(ctx, most)
		if err != nil {
			return 0, err
		}
		n += noted
	}
	return min(n, int64(most)), nil
}

func (s *Source) isDraining() bool {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	return s.start.draining
}
