package snapshot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

const (
	chunk      = 1000
	mostQueued = 20 * chunk // rows that wait for a remote, beyond which no more are marked
	look       = time.Second
	report     = 10 * time.Second
	namedMost  = 20 // tables that a line of the log names
)

// Modes of a snapshot.
const (
	None    = "none"
	Missing = "missing" // rows that the remote lacks are sent; none is overwritten
	All     = "all"     // all rows are sent, as if they were written when it was requested
)

// Marker records in a transaction that a remote needs rows: the outbox.
type Marker interface {
	Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
}

// Config says what to send to whom.
type Config struct {
	Origin string
	// Initial is the mode in which a table is sent to a remote for the first time.
	Initial string
	// Ready reports whether a remote is online and accepts the table in a snapshot.
	Ready   func(remote, table string) bool
	Remotes []string
	Tables  []string
	// Versioned are all tables of which the node keeps versions.
	Versioned []string
	// Transforms reports whether rows of a table are transformed on their way out; nil: none are.
	Transforms func(table string) bool
	// Where returns the SQL condition of the rows of a table that a remote has; "", or a nil Where: all.
	Where  func(ctx context.Context, remote, table string) (string, error)
	OnMark func() // called after a commit that marked rows; must not block
}

// Snapshots runs the snapshots of a node.
type Snapshots struct {
	Config
	log    *zap.Logger
	db     *mysqldb.DB
	tables *schema.Tables
	marker Marker
	stream *version.Stream
	began  time.Time
	behind atomic.Pointer[map[string]bool] // tables whose rows have not all been given versions for writes that went unseen
	noting sync.Mutex                      // behind is being found out
	saying sync.Mutex                      // each remote's sender tells how far it is
	said   map[job]time.Time               // when progress was last logged
}

// job names a snapshot.
type job struct{ remote, table string }

// state is a row of sync_snapshots.
type state struct {
	job
	mode      string
	condition sql.NullString
	lastKey   []byte
	done      int64
	total     int64
	started   time.Time // mode all gives versions of this time
	since     int64     // the stream's end when it was requested
}

// New returns the snapshots of a node; Run does their work.
func New(log *zap.Logger, db *mysqldb.DB, ts *schema.Tables, m Marker, v *version.Stream, c Config) *Snapshots {
	return &Snapshots{Config: c, log: log, db: db, tables: ts, marker: m, stream: v, began: time.Now(), said: map[job]time.Time{}}
}

// Run starts the snapshots that are due and continues those in progress, until ctx ends. Errors are logged and retried.
func (s *Snapshots) Run(ctx context.Context) error {
	for {
		more, err := s.step(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("snapshot interrupted; retrying", zap.Error(err))
		}
		rest := look
		if more && err == nil {
			rest = 0
		}
		if pause.For(ctx, rest) != nil {
			return nil
		}
	}
}

// step marks the next chunks of the snapshots of all rows that are open, and reports
// whether there is more to mark at once. Those of missing rows are read by the
// senders themselves; see Transfer.
func (s *Snapshots) step(ctx context.Context) (more bool, err error) {
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	open, err := s.noteBehind(ctx)
	if err != nil {
		return false, err
	}
	due := map[string]map[string]state{} // by remote and table
	for _, st := range open {
		if st.mode == Missing || !s.due(st) {
			continue
		}
		if due[st.remote] == nil {
			due[st.remote] = map[string]state{}
		}
		due[st.remote][st.table] = st
	}
	var errs []error
	for remote, tables := range due {
		goesOn, err := s.markTables(ctx, remote, tables)
		more, errs = more || goesOn, append(errs, err)
	}
	return more, errors.Join(errs...)
}

// markTables marks one chunk of each table whose parents have all been marked, and of the next ones when these are
// finished: what is marked first is sent first.
func (s *Snapshots) markTables(ctx context.Context, remote string, tables map[string]state) (more bool, err error) {
	room, err := s.roomFor(ctx, remote)
	if err != nil {
		return false, err
	}
	names := slices.Sorted(maps.Keys(tables))
	rings, err := s.tables.ParentsFirst(ctx, names)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, ring := range rings {
		for _, name := range ring {
			if room <= 0 {
				return more, errors.Join(errs...)
			}
			if s.tables.Aside(name) != nil {
				continue
			}
			rows, err := s.mark(ctx, tables[name])
			if errors.Is(err, errAside) {
				continue
			} else if err != nil {
				// A table that cannot be read does not hold up the others.
				errs = append(errs, fmt.Errorf("snapshot of %s for %s: %w", name, remote, err))
				continue
			}
			room -= rows
			more = more || rows == chunk
		}
		if more {
			break
		}
	}
	return more, errors.Join(errs...)
}

// noteBehind returns the snapshots that are open, and remembers which of them are of rows
// that may have been written unseen.
func (s *Snapshots) noteBehind(ctx context.Context) ([]state, error) {
	s.noting.Lock()
	defer s.noting.Unlock()
	open, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	behind := map[string]bool{}
	for _, st := range open {
		if st.unseen() {
			behind[st.table] = true
		}
	}
	s.behind.Store(&behind)
	return open, nil
}

// Behind reports whether rows of a table were noticed to be possibly written unseen, and have not all got versions
// since. It may be called from any goroutine.
func (s *Snapshots) Behind(table string) bool {
	behind := s.behind.Load()
	return behind == nil || (*behind)[table]
}

// due reports whether a snapshot can go on now.
func (s *Snapshots) due(st state) bool {
	return s.Ready(st.remote, st.table) && slices.Contains(s.Tables, st.table)
}

// begin records a snapshot of each table for each remote that never had one.
func (s *Snapshots) begin(ctx context.Context) error {
	if s.Initial == None {
		return nil
	}
	known := map[job]bool{}
	err := mysqldb.Each(ctx, s.db, `SELECT remote, table_name FROM sync_snapshots`, nil, func(r *sql.Rows) error {
		var j job
		err := r.Scan(&j.remote, &j.table)
		known[j] = true
		return err
	})
	if err != nil {
		return fmt.Errorf("read sync_snapshots: %w", err)
	}
	for _, r := range s.Remotes {
		var first []string
		for _, t := range s.Tables {
			if !known[job{r, t}] && s.Ready(r, t) {
				first = append(first, t)
			}
		}
		if len(first) == 0 {
			continue
		}
		if err := request(ctx, s.db, []string{r}, first, s.Initial, "", nil); err != nil {
			return err
		}
		s.log.Info("initial sync begun", zap.String("remote", r), zap.Int("tables", len(first)), zap.Strings("names", first[:min(len(first), namedMost)]), zap.String("mode", s.Initial))
		if s.OnMark != nil {
			s.OnMark()
		}
	}
	return nil
}

func (s *Snapshots) open(ctx context.Context) ([]state, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT remote, table_name, mode, condition_sql, last_key, rows_done, rows_total, since,
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', started_at) FROM sync_snapshots WHERE finished_at IS NULL ORDER BY started_at, table_name`)
	if err != nil {
		return nil, fmt.Errorf("read sync_snapshots: %w", err)
	}
	defer rows.Close()
	var list []state
	for rows.Next() {
		var st state
		var started int64
		if err := rows.Scan(&st.remote, &st.table, &st.mode, &st.condition, &st.lastKey, &st.done, &st.total, &st.since, &started); err != nil {
			return nil, fmt.Errorf("read sync_snapshots: %w", err)
		}
		st.started = time.UnixMicro(started)
		list = append(list, st)
	}
	return list, rows.Err()
}

// roomFor returns how many more rows may be marked for a remote. Promise 10.
func (s *Snapshots) roomFor(ctx context.Context, remote string) (int, error) {
	var n int
	err := s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_outbox WHERE remote = ? AND state = 'ready' LIMIT ?) q`, remote, mostQueued)
	return mostQueued - n, err
}

// errAside is that a table cannot be read now: it goes on when it can.
var errAside = errors.New("the table cannot be read now")

// mark marks the next chunk and records where it ends, in one transaction. It returns how
// many rows that were; fewer than a chunk are the last.
func (s *Snapshots) mark(ctx context.Context, st state) (int, error) {
	t, err := s.tables.Table(ctx, st.table)
	if err != nil {
		return 0, err
	}
	rows, err := s.keys(ctx, t, st, chunk)
	if err != nil {
		if s.tables.SetAside(st.table, err) {
			err = errAside
		}
		return 0, err
	}
	finished := len(rows) < chunk
	renewal := &Renewal{Remote: st.remote, Origin: s.Origin, Since: st.since, Transformed: s.Transforms != nil && s.Transforms(st.table),
		Written: min(change.Micros(st.started), change.Micros(time.Now()))} // the server's clock may be ahead
	err = s.stream.Write(ctx, s.db, rows, func(tx mysqldb.Tx, writing *version.Writing) error {
		if err := renewal.Renew(ctx, &renewing{tx, t, s.marker}, rows, writing.Positions); err != nil {
			return err
		}
		if finished {
			return advance(ctx, tx, st, len(rows), "", true)
		}
		return advance(ctx, tx, st, len(rows), rows[len(rows)-1].Key, false)
	})
	if err != nil {
		return 0, err
	}
	s.progress(st, int64(len(rows)), finished)
	if s.OnMark != nil {
		s.OnMark()
	}
	return len(rows), nil
}

// Keys returns the keys of at most limit rows of a table after one, nil being the
// first, in the key's order.
func (s *Snapshots) Keys(ctx context.Context, t *schema.Table, after []byte, limit int) ([]change.Row, error) {
	return s.keys(ctx, t, state{lastKey: after}, limit)
}

// keys reads the keys of the chunk after the last one, in the key's order.
func (s *Snapshots) keys(ctx context.Context, t *schema.Table, st state, limit int) ([]change.Row, error) {
	var conditions []string
	var args []any
	if st.lastKey != nil {
		after, list, err := t.AfterKey(string(st.lastKey))
		if err != nil {
			return nil, err
		}
		conditions, args = append(conditions, after), list
	}
	if st.condition.Valid {
		conditions = append(conditions, "("+st.condition.String+")")
	}
	if s.Where != nil && st.remote != "" {
		where, err := s.Where(ctx, st.remote, t.Name)
		if err != nil {
			return nil, err
		}
		if where != "" {
			conditions = append(conditions, where)
		}
	}
	query := "SELECT " + t.KeyExpr("") + " FROM " + mysqldb.Quote(t.Name)
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	rows, err := s.db.AtOnce(s.db).QueryContext(ctx, query+" ORDER BY "+t.KeyColumns()+" LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	defer rows.Close()
	var list []change.Row
	for rows.Next() {
		r := change.Row{Table: t.Name}
		if err := rows.Scan(&r.Key); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		list = append(list, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return list, s.tables.Identify(ctx, list)
}

// progress logs a snapshot's progress: rows, percent of the server's estimate, rate and time left.
func (s *Snapshots) progress(st state, n int64, finished bool) {
	now := time.Now()
	s.saying.Lock()
	last, begun := s.said[st.job]
	soon := !finished && (!begun || now.Sub(last) < report)
	switch {
	case finished:
		delete(s.said, st.job)
	case !begun || !soon:
		s.said[st.job] = now
	}
	s.saying.Unlock()
	if soon {
		return
	}
	done := st.done + n
	since := st.started
	if s.began.After(since) {
		since = s.began
	}
	rate := float64(done) / max(now.Sub(since).Seconds(), 0.001)
	fields := []zap.Field{zap.String("remote", st.remote), zap.String("table", st.table), zap.Int64("rows", done), zap.Int("rowsPerSecond", int(rate))}
	if finished && done == 0 {
		return // of many tables most may be empty
	}
	if finished {
		s.log.Info("snapshot marked to its end", fields...)
		return
	}
	if total := max(st.total, done); total > 0 {
		fields = append(fields, zap.Int64("percent", 100*done/total), zap.Duration("left", time.Duration(float64(total-done)/rate*1e9).Round(time.Second)))
	}
	s.log.Info("snapshot in progress", fields...)
}
