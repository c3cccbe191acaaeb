package snapshot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

const (
	chunk      = 1000
	mostQueued = 20 // chunks of rows that wait for a remote, beyond which no more are marked
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
	Where func(ctx context.Context, remote, table string) (string, error)
	// Source has the writes that wait to be recorded; only Purge asks it.
	Source capture.Asked
	OnMark func() // called after a commit that marked rows; must not block
	Chunk  int    // rows that are marked at a time; 0: 1,000
}

// Snapshots runs the snapshots of a node.
type Snapshots struct {
	Config
	log    *zap.Logger
	now    func() time.Time
	db     Database
	server *server // nil where the database is another
	began  time.Time
	behind atomic.Pointer[map[string]bool] // tables whose rows have not all been given versions for writes that went unseen
	noting sync.Mutex                      // behind is being found out
	saying sync.Mutex                      // each remote's sender tells how far it is
	said   map[Job]time.Time               // when progress was last logged
	met    sync.Map                        // remotes that were ready for a table
	kick   chan struct{}
}

// New returns the snapshots of a node; Run does their work.
func New(log *zap.Logger, db *mysqldb.DB, ts *schema.Tables, m Marker, v *version.Stream, c Config) *Snapshots {
	server := &server{Tables: ts, db: db, marker: m, stream: v, where: c.Where}
	s := On(log, server, time.Now, c)
	s.server = server
	return s
}

// On returns the snapshots of a Database other than a server's: Run and Transfer do their work.
func On(log *zap.Logger, db Database, now func() time.Time, c Config) *Snapshots {
	if c.Chunk == 0 {
		c.Chunk = chunk
	}
	return &Snapshots{Config: c, log: log, now: now, db: db, began: now(), said: map[Job]time.Time{}, kick: make(chan struct{}, 1)}
}

// Run starts the snapshots that are due and continues those in progress, until ctx ends. Errors are logged and retried.
func (s *Snapshots) Run(ctx context.Context) error {
	for {
		more, err := s.step(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("snapshot interrupted; retrying", zap.Error(err))
		}
		kick, rest := s.kick, look
		if err != nil {
			kick = nil // whoever comes
		} else if more {
			rest = 0
		}
		if pause.Kicked(ctx, kick, rest) != nil {
			return nil
		}
	}
}

// Came is called when a client was heard of. One that comes for the first time is sent its tables at once: of a table that is empty on
// one side nothing is left to send before the other side's rows arrive, which would go back to it. Whoever is heard of again and again
// costs the database nothing: promise 10. It may be called from any goroutine.
func (s *Snapshots) Came(client string) {
	if _, met := s.met.Load(client); met || s.Initial == None || !slices.Contains(s.Remotes, client) {
		return
	}
	if !slices.ContainsFunc(s.Tables, func(table string) bool { return s.Ready(client, table) }) {
		return
	}
	select {
	case s.kick <- struct{}{}:
	default:
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
	due := map[string]map[string]State{} // by remote and table
	for _, st := range open {
		if st.Mode == Missing || !s.due(st.Job) {
			continue
		}
		if due[st.Remote] == nil {
			due[st.Remote] = map[string]State{}
		}
		due[st.Remote][st.Table] = st
	}
	var errs []error
	for _, remote := range slices.Sorted(maps.Keys(due)) {
		goesOn, err := s.markTables(ctx, remote, due[remote])
		more, errs = more || goesOn, append(errs, err)
	}
	return more, errors.Join(errs...)
}

// markTables marks one chunk of each table whose parents have all been marked, and of the next ones when these are
// finished: what is marked first is sent first.
func (s *Snapshots) markTables(ctx context.Context, remote string, tables map[string]State) (more bool, err error) {
	queued, err := s.db.Queued(ctx, remote, mostQueued*s.Chunk)
	if err != nil {
		return false, err
	}
	room := mostQueued*s.Chunk - queued // Promise 10
	names := slices.Sorted(maps.Keys(tables))
	rings, err := s.db.ParentsFirst(ctx, names)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, ring := range rings {
		for _, name := range ring {
			if room <= 0 {
				return more, errors.Join(errs...)
			}
			if s.db.Aside(name) != nil {
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
			more = more || rows == s.Chunk
		}
		if more {
			break
		}
	}
	return more, errors.Join(errs...)
}

// noteBehind returns the snapshots that are open, and remembers which of them are of rows
// that may have been written unseen.
func (s *Snapshots) noteBehind(ctx context.Context) ([]State, error) {
	s.noting.Lock()
	defer s.noting.Unlock()
	open, err := s.db.Open(ctx)
	if err != nil {
		return nil, err
	}
	behind := map[string]bool{}
	for _, st := range open {
		if st.unseen() {
			behind[st.Table] = true
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
func (s *Snapshots) due(j Job) bool {
	return s.Ready(j.Remote, j.Table) && slices.Contains(s.Tables, j.Table)
}

// begin records a snapshot of each table for each remote that never had one.
func (s *Snapshots) begin(ctx context.Context) error {
	if s.Initial == None {
		return nil
	}
	known, err := s.db.Known(ctx)
	if err != nil {
		return err
	}
	for _, r := range s.Remotes {
		var first []string
		for _, t := range s.Tables {
			switch {
			case !s.Ready(r, t):
			case known[Job{r, t}]:
				s.met.Store(r, true)
			default:
				first = append(first, t)
			}
		}
		if len(first) == 0 {
			continue
		}
		if err := s.db.Request(ctx, r, first, s.Initial); err != nil {
			return err
		}
		s.log.Info("initial sync begun", zap.String("remote", r), zap.Int("tables", len(first)), zap.Strings("names", first[:min(len(first), namedMost)]), zap.String("mode", s.Initial))
		if s.OnMark != nil {
			s.OnMark()
		}
	}
	return nil
}

// errAside is that a table cannot be read now: it goes on when it can.
var errAside = errors.New("the table cannot be read now")

// mark marks the next chunk and records where it ends, in one transaction. It returns how
// many rows that were; fewer than a chunk are the last.
func (s *Snapshots) mark(ctx context.Context, st State) (int, error) {
	rows, err := s.db.Keys(ctx, &st, s.Chunk)
	if err != nil {
		if s.db.SetAside(st.Table, err) {
			err = errAside
		}
		return 0, err
	}
	at := reached(st, rows, len(rows) < s.Chunk)
	renewal := &Renewal{Remote: st.Remote, Origin: s.Origin, Since: st.Since, Transformed: s.Transforms != nil && s.Transforms(st.Table),
		Written: min(change.Micros(st.Started), change.Micros(s.now()))} // the server's clock may be ahead
	err = s.db.Renew(ctx, st.Table, rows, func(tx Tx, positions func(n int) int64) error {
		if err := renewal.Renew(ctx, tx, rows, positions); err != nil {
			return err
		}
		return tx.Advance(ctx, at)
	})
	if err != nil {
		return 0, err
	}
	s.progress(st, int64(len(rows)), at.End)
	if s.OnMark != nil {
		s.OnMark()
	}
	return len(rows), nil
}

// Keys returns the keys of at most limit rows of a table after one, nil being the
// first, in the key's order.
func (s *Snapshots) Keys(ctx context.Context, t *schema.Table, after []byte, limit int) ([]change.Row, error) {
	return s.server.keys(ctx, t, &State{LastKey: after}, limit)
}

// progress logs a snapshot's progress: rows, percent of the server's estimate, rate and time left.
func (s *Snapshots) progress(st State, n int64, finished bool) {
	now := s.now()
	s.saying.Lock()
	last, begun := s.said[st.Job]
	soon := !finished && (!begun || now.Sub(last) < report)
	switch {
	case finished:
		delete(s.said, st.Job)
	case !begun || !soon:
		s.said[st.Job] = now
	}
	s.saying.Unlock()
	if soon {
		return
	}
	done := st.Done + n
	since := st.Started
	if s.began.After(since) {
		since = s.began
	}
	rate := float64(done) / max(now.Sub(since).Seconds(), 0.001)
	fields := []zap.Field{zap.String("remote", st.Remote), zap.String("table", st.Table), zap.Int64("rows", done), zap.Int("rowsPerSecond", int(rate))}
	if finished && done == 0 {
		return // of many tables most may be empty
	}
	if finished {
		s.log.Info("snapshot marked to its end", fields...)
		return
	}
	if total := max(st.Total, done); total > 0 {
		fields = append(fields, zap.Int64("percent", 100*done/total), zap.Duration("left", time.Duration(float64(total-done)/rate*1e9).Round(time.Second)))
	}
	s.log.Info("snapshot in progress", fields...)
}
