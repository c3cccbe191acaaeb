package version

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Stream is the order in which rows last changed: each change that remotes need gives its row a new position in
// sync_versions. A remote needs the rows after the position up to which it has acked. A row that changes again moves to
// the end, so at most one entry waits for each row.
//
// Transactions do not commit in the order in which they take positions. No one may read past the first position of a
// transaction that may still commit, or its rows would be skipped. Promise 1. It is safe for concurrent use; a database
// has one stream, since it has one node.
type Stream struct {
	db    *mysqldb.DB
	latch Latch
	fence func(context.Context) error
	now   func() time.Time

	mu    sync.Mutex
	next  int64
	open  map[*Writing]int64 // each one's first position
	doubt []*Writing         // transactions that ended with an unknown outcome
	ended uint64             // transactions that were committed
	known uint64             // transactions whose outcome was unknown, and that have ended
	late  late
}

// Latch keeps others from deciding about rows until the function that Lock returns is called; see latch.Rows.
type Latch interface {
	Lock(ctx context.Context, rows []change.Row) (unlock func(), err error)
}

// New returns a stream, given its last position and the time. fence waits until no transaction that has written
// versions is open.
func New(last int64, now time.Time, l Latch, fence func(context.Context) error) *Stream {
	// What an earlier process handed out without leaving a trace is never handed out again, even if the clock was set back.
	return &Stream{latch: l, fence: fence, now: time.Now, next: max(last+Untraced, now.UnixMicro()), open: map[*Writing]int64{}}
}

// Untraced is more numbers than a process hands out without the database having a trace of one of them: of its first it has one
// from the beginning, then of a later one each second; see owner.Records.Mark.
const Untraced = 1_000_000

// Given has the highest positions that a database has a trace of: among versions, among the positions of remotes, and the
// one that it was marked with. 0: none.
type Given struct{ Versions, Remotes, Marked int64 }

// Open returns the stream of a database. It waits for transactions of an earlier process that may still commit before it
// reads which positions were handed out: a position may be above those of all remaining rows, and the clock may have been
// set back. mark writes the first position, which nothing else gets, into the database.
func Open(ctx context.Context, read func(context.Context) (Given, error), mark func(context.Context, int64) error, now func() time.Time, l Latch, fence func(context.Context) error) (*Stream, error) {
	if err := fence(ctx); err != nil {
		return nil, err
	}
	g, err := read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the last position: %w", err)
	}
	s := New(max(g.Versions, g.Remotes, g.Marked), now(), l, fence)
	s.now = now
	if err := mark(ctx, s.Token(1)); err != nil {
		return nil, fmt.Errorf("record the first position: %w", err)
	}
	return s, nil
}

// OpenStream is Open for a database on a server.
func OpenStream(ctx context.Context, db *mysqldb.DB) (*Stream, error) {
	read := func(ctx context.Context) (g Given, err error) {
		err = db.QueryRowContext(ctx, `SELECT COALESCE((SELECT MAX(position) FROM sync_versions), 0), COALESCE((SELECT MAX(GREATEST(position, shown)) FROM sync_remotes), 0),
			COALESCE((SELECT CAST(value AS SIGNED) FROM sync_node WHERE name = 'position'), 0)`).Scan(&g.Versions, &g.Remotes, &g.Marked)
		return g, err
	}
	mark := func(ctx context.Context, position int64) error {
		_, err := db.ExecContext(ctx, `INSERT INTO sync_node (name, value) VALUES ('position', ?) ON DUPLICATE KEY UPDATE value = VALUES(value)`, position)
		return err
	}
	s, err := Open(ctx, read, mark, time.Now, &latch.Rows{}, func(ctx context.Context) error { return fence(ctx, db) })
	if err != nil {
		return nil, err
	}
	s.db = db
	return s, nil
}

// Writing is a transaction that writes versions, and may give rows positions.
type Writing struct {
	s      *Stream
	last   int64
	doubts uint64
	unmade bool // its COMMIT was never sent: it cannot arrive late
	after  []func()
	wrote  []Entry // if told
	told   bool    // what it writes
	held   bool    // others decide what its rows are routed by
}

// Begin announces a transaction that writes versions, once the outcome of all earlier ones is known: a late COMMIT must
// not change what it bases its decision on. End must follow.
func (s *Stream) Begin(ctx context.Context) (*Writing, error) {
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Writing{s: s, doubts: s.known}, nil
}

// Doubts returns how many transactions with an unknown outcome had ended before this one began.
func (w *Writing) Doubts() uint64 { return w.doubts }

// Positions returns the first of n consecutive positions. They belong to the transaction; a transaction that is retried
// takes new ones.
func (w *Writing) Positions(n int) int64 {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.next
	s.next += int64(n)
	if _, ok := s.open[w]; !ok {
		s.open[w] = first
	}
	w.last = s.next - 1
	if n == 0 {
		w.last = 0
	}
	return first
}

// Hold has no one take the stream to be complete from here on before the transaction has ended.
func (w *Writing) Hold() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.held = true
	if _, ok := w.s.open[w]; !ok {
		w.s.open[w] = w.s.next
	}
}

// Last returns the last position that the transaction took; 0 if it took none.
func (w *Writing) Last() int64 {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.last
}

// After has f called once the transaction is known to have committed, before anyone else decides about its rows. Call it
// again each time the transaction is retried.
func (w *Writing) After(f func()) { w.after = append(w.after, f) }

// End records how the transaction ended. If its COMMIT failed with an error that is not the server's, such as a lost
// connection, it may still commit.
func (w *Writing) End(err error) {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && mysqldb.Number(err) == 0 && !w.unmade && !errors.Is(err, mysqldb.ErrFenced) {
		s.doubt = append(s.doubt, w)
		s.late = late{} // until it has ended, nobody knows
		return
	}
	delete(s.open, w)
	if err == nil {
		s.ended++
		s.remember(w)
	}
}

// Commits returns how many transactions have committed, or may have.
func (s *Stream) Commits() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended + uint64(len(s.doubt))
}

// Token returns the first of n numbers of the same sequence, for marks that are not in the stream: the larger of two is
// the later one.
func (s *Stream) Token(n int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.next
	s.next += int64(n)
	return first
}

// Visible returns the position up to which the stream is complete and can be read.
func (s *Stream) Visible(ctx context.Context) (int64, error) {
	if err := s.settle(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := int64(math.MaxInt64)
	for _, p := range s.open {
		first = min(first, p)
	}
	return min(first, s.next) - 1, nil
}

// settle waits for the end of transactions with an unknown outcome.
func (s *Stream) settle(ctx context.Context) error {
	if !s.doubts() {
		return nil
	}
	unlock, err := s.latch.Lock(ctx, oneFence)
	if err != nil {
		return err
	}
	defer unlock()
	s.mu.Lock()
	doubt := s.doubt // doubts added from here on are not settled by this fence
	s.mu.Unlock()
	if len(doubt) == 0 {
		return nil
	}
	if err := s.fence(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range doubt {
		delete(s.open, w)
	}
	s.doubt, s.known = s.doubt[len(doubt):], s.known+uint64(len(doubt))
	s.late = late{}
	return nil
}

// oneFence is latched while fencing, so that only one fence runs at a time. It is not a row of any table.
var oneFence = []change.Row{{}}

func (s *Stream) doubts() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.doubt) > 0
}

// fence waits until no transaction that has written sync_versions is open: only then is a table lock granted (MySQL
// manual, "Metadata Locking"). Only the node writes that table, so no user waits, and the fence does not wait for
// readers such as a dump.
func fence(ctx context.Context, db *mysqldb.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("wait for open transactions: %w", err)
	}
	_, err = conn.ExecContext(ctx, `LOCK TABLES sync_versions READ`)
	if err == nil {
		_, err = conn.ExecContext(ctx, `UNLOCK TABLES`)
	}
	if err = errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("wait for open transactions on sync_versions: %w", err)
	}
	return nil
}

// Waiting is a row of the stream.
type Waiting struct {
	change.Row
	change.State
	Position int64
	From     string // the client that the version came from; empty: made here
	Label    uint32 // by which it is routed; 0 if it is not
}

// Read returns at most limit rows after one position, up to another, in order.
func (s *Stream) Read(ctx context.Context, after, upTo int64, limit int) ([]Waiting, error) {
	if list, ok := s.Remembered(after, upTo, limit); ok {
		return list, nil
	}
	return s.read(ctx, after, upTo, `SELECT `+waitingColumns+` FROM sync_versions WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`, after, upTo, limit)
}

// ReadTable is Read for the rows of one table.
func (s *Stream) ReadTable(ctx context.Context, table string, after, upTo int64, limit int) ([]Waiting, error) {
	return s.read(ctx, after, upTo, `SELECT `+waitingColumns+` FROM sync_versions FORCE INDEX (stream)
		WHERE position > ? AND position <= ? AND table_name = ? ORDER BY position LIMIT ?`, after, upTo, table, limit)
}

const waitingColumns = `table_name, row_id, row_key, time, origin, seen, made, counts, position, came_from, label`

func (s *Stream) read(ctx context.Context, after, upTo int64, query string, args ...any) ([]Waiting, error) {
	if after >= upTo {
		return nil, nil
	}
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	defer rows.Close()
	var list []Waiting
	for rows.Next() {
		var w Waiting
		var seen, made, counts sql.RawBytes
		var table, id string
		var key []byte
		if err := rows.Scan(&table, &id, &key, &w.Version.Time, &w.Version.Origin, &seen, &made, &counts, &w.Position, &w.From, &w.Label); err != nil {
			return nil, fmt.Errorf("read what waits: %w", err)
		}
		w.Row = change.Stored(table, id, key)
		if err := decode(&w.State, seen, made, counts); err != nil {
			return nil, fmt.Errorf("read what waits: row %q of %s: %w", w.Key, w.Table, err)
		}
		list = append(list, w)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	return list, nil
}
