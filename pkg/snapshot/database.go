package snapshot

import (
	"context"
	"database/sql"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Job names a snapshot.
type Job struct{ Remote, Table string }

// State is a snapshot and how far it is: a row of sync_snapshots.
type State struct {
	Job
	Mode      string
	Condition sql.NullString // SQL
	LastKey   []byte         // up to which rows are marked or acked; nil: none is
	Done      int64
	Total     int64     // estimated
	Started   time.Time // mode all gives versions of this time; another is that of another request
	Since     int64     // the stream's end when it was requested
}

// Reached is how far a snapshot gets by some more rows.
type Reached struct {
	State
	Rows int
	Last []byte // the key of the last of them
	End  bool   // no rows come after them
}

// reached returns how far a snapshot gets by rows.
func reached(st State, rows []change.Row, end bool) Reached {
	r := Reached{State: st, Rows: len(rows), End: end}
	if r.Rows > 0 {
		r.Last = []byte(rows[r.Rows-1].Key)
	}
	return r
}

// Database is where tables are read, and where it is recorded how far each remote has them: on a server or, in a
// simulation, in memory.
type Database interface {
	// Known returns all that was ever requested, Open what is not finished, the oldest first.
	Known(ctx context.Context) (map[Job]bool, error)
	Open(ctx context.Context) ([]State, error)
	// Request records that a remote is to be sent tables, from their beginning.
	Request(ctx context.Context, remote string, tables []string, mode string) error
	// Keys returns the keys of at most limit rows after those that a snapshot has reached, in the key's order.
	Keys(ctx context.Context, st *State, limit int) ([]change.Row, error)
	// Record records in one transaction how far snapshots got. One that was requested anew meanwhile stays as it is.
	Record(ctx context.Context, list []Reached) error
	// Renew runs f in a transaction that may renew rows of a table.
	Renew(ctx context.Context, table string, rows []change.Row, f func(tx Tx, positions func(n int) int64) error) error
	// Queued returns how many rows marked for a remote are to be sent, at most most.
	Queued(ctx context.Context, remote string, most int) (int, error)
	Tables
}

// Tables are the tables as defined in the database; see schema.Tables.
type Tables interface {
	ParentsFirst(ctx context.Context, tables []string) ([][]string, error)
	Aside(table string) error
	SetAside(table string, err error) bool
}

// Tx is a transaction of a Database.
type Tx interface {
	Rows
	Advance(ctx context.Context, r Reached) error
}
