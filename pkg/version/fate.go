package version

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Fate is what became of a row as of its known version. A row that existed then and is missing now has vanished: no
// trigger saw it go, as with TRUNCATE. Its version no longer holds: it is not a delete, and does not keep out anyone
// else's row.
type Fate uint8

// The fates, as the column deleted of sync_versions stores them.
const (
	Unknown Fate = iota // as in versions written by older releases
	Deleted
	There
	// Withdrawn is the fate of a row that a sender has taken away from this node and that others still have.
	Withdrawn
)

// Elsewhere reports whether a row that is missing here was not deleted but has vanished or was withdrawn.
func (f Fate) Elsewhere() bool { return f == There || f == Withdrawn }

// Fates returns the fates of rows, which may be of several tables. A fate means something only if the row is missing.
func Fates(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]Fate, error) {
	return column[Fate](ctx, db, "deleted", rows)
}

// From returns the clients that the versions of rows came from; empty for versions made here.
func From(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]string, error) {
	return column[string](ctx, db, "came_from", rows)
}

// Tokens returns, for each row, the token of the last word about whether this node has it: negative if that was
// that it has not, 0 if there was none.
func Tokens(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]int64, error) {
	return column[int64](ctx, db, "token", rows)
}

// Labels returns the labels by which rows were last routed; 0 for rows that were not.
func Labels(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]uint32, error) {
	return column[uint32](ctx, db, "label", rows)
}
