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

// Stream is the order in which rows were last changed: each change that remotes
// need gives its row a new position in sync_versions. A remote needs what lies
// after the position up to which it has acked. A row that is changed again moves
// to the end: what waits is at most one entry a row.
//
// Transactions commit in another order than they take positions in. Nobody reads
// past the first position of a transaction that may still commit, or its rows
// would be passed over. Promise 1. It is safe for concurrent use; there is one
// stream for a database, since there is one node.
type Stream struct {
	db    *mysqldb.DB
	latch Latch
	fence func(context.Context) error

	mu    sync.Mutex
	next  int64
	open  map[*Writing]int64 // the first position of each
	doubt []*Writing         // transactions that ended, and nobody knows how
	ended uint64             // transactions that were committed
}

// Latch keeps others from deciding about some rows until what Lock returns is called; see latch.Rows.
type Latch interface {
	Lock(ctx context.Context, rows []change.Row) (unlock func(), err error)
}

// New returns a stream whose last position is known, as is the time. Fence waits until no transaction is open that has written
// versions.
func New(last int64, now time.Time, l Latch, fence func(context.Context) error) *Stream {
	// Positions go on from the time, so that those that an earlier process gave
	// out, and that are nowhere any more, are not given out again.
	return &Stream{latch: l, fence: fence, next: max(last+1, now.UnixMicro()), open: map[*Writing]int64{}}
}

// OpenStream returns the stream of a database. It waits for transactions of an
// earlier process that may still commit.
func OpenStream(ctx context.Context, db *mysqldb.DB) (*Stream, error) {
	fence := func(ctx context.Context) error { return fence(ctx, db) }
	if err := fence(ctx); err != nil {
		return nil, err
	}
	var last sql.NullInt64
	// A place may lie after all rows that are left, and the clock be set back.
	if err := db.GetContext(ctx, &last, `SELECT GREATEST(COALESCE((SELECT MAX(position) FROM sync_versions), 0),
		COALESCE((SELECT MAX(GREATEST(position, shown)) FROM sync_remotes), 0),
		COALESCE((SELECT CAST(value AS SIGNED) FROM sync_node WHERE name = 'position'), 0))`); err != nil {
		return nil, fmt.Errorf("read the last position: %w", err)
	}
	s := New(last.Int64, time.Now(), &latch.Rows{}, fence)
	s.db = db
	return s, nil
}

// Writing is a transaction that writes versions, and may give rows positions.
type Writing struct {
	s    *Stream
	last int64
}

// Begin announces a transaction that writes versions, once all before it have
// ended: what it decides by must not change because a COMMIT arrives late. End
// must follow.
func (s *Stream) Begin(ctx context.Context) (*Writing, error) {
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	return &Writing{s: s}, nil
}

// Positions returns the first of n positions that follow each other. They are
// the transaction's own; a transaction that is run again takes new ones.
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

// Last returns the last of the positions that the transaction has, if it has taken
// them once; 0: it has none.
func (w *Writing) Last() int64 {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.last
}

// End says how the transaction ended. After an error that is not the server's
// word, such as a lost connection, it may still commit.
func (w *Writing) End(err error) {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && mysqldb.Number(err) == 0 {
		s.doubt = append(s.doubt, w)
		return
	}
	delete(s.open, w)
	if err == nil {
		s.ended++
	}
}

// Commits returns how many transactions were committed, as far as is known.
func (s *Stream) Commits() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended + uint64(len(s.doubt))
}

// Token returns the first of n numbers of the same sequence, for marks that are
// not in the stream: the larger of two is the later one.
func (s *Stream) Token(n int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.next
	s.next += int64(n)
	return first
}

// Visible returns the position up to which all there will ever be can be read.
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

// settle waits for the end of the transactions that are in doubt.
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
	doubt := s.doubt // what is added from here on is not settled by this fence
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
	s.doubt = s.doubt[len(doubt):]
	return nil
}

// oneFence is latched by who fences: one at a time does. It is no row of any table.
var oneFence = []change.Row{{}}

func (s *Stream) doubts() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.doubt) > 0
}

// fence waits until no transaction is open that has written sync_versions: a
// table lock is given only then (MySQL manual, "Metadata Locking"). Only the node
// itself writes it, so that no user waits, and those who read it, such as a dump,
// are not waited for.
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
}

// Read returns at most limit rows after a position, up to another, in order.
func (s *Stream) Read(ctx context.Context, after, upTo int64, limit int) ([]Waiting, error) {
	return s.read(ctx, after, upTo, `SELECT `+waitingColumns+` FROM sync_versions WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`, after, upTo, limit)
}

// ReadTable does so for the rows of one table. It passes over all others between.
func (s *Stream) ReadTable(ctx context.Context, table string, after, upTo int64, limit int) ([]Waiting, error) {
	return s.read(ctx, after, upTo, `SELECT `+waitingColumns+` FROM sync_versions FORCE INDEX (stream)
		WHERE position > ? AND position <= ? AND table_name = ? ORDER BY position LIMIT ?`, after, upTo, table, limit)
}

const waitingColumns = `table_name, row_id, row_key, time, origin, seen, position, came_from`

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
		var seen sql.RawBytes
		var table, id string
		var key []byte
		if err := rows.Scan(&table, &id, &key, &w.Version.Time, &w.Version.Origin, &seen, &w.Position, &w.From); err != nil {
			return nil, fmt.Errorf("read what waits: %w", err)
		}
		w.Row = change.Stored(table, id, key)
		if w.Seen, err = decodeSeen(seen); err != nil {
			return nil, fmt.Errorf("read what waits: row %q of %s: %w", w.Key, w.Table, err)
		}
		list = append(list, w)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	return list, nil
}
