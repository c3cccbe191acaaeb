package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Needs reports whether a version is news for a remote: it was made here, or it neither came from the remote nor was written there.
// from is the client that the version came from; it is empty if the version was made here. What a conflict policy has decided is
// nobody's write: the client whose row stands may not know of it.
func Needs(remote, from string, v change.Version) bool {
	return from == "" || from != remote && (v.IsDecided() || v.Author() != remote)
}

// Needed is Needs in SQL: a condition on a row of sync_versions.
func Needed(remote string) string {
	name := mysqldb.QuoteString(remote)
	lives := mysqldb.QuoteString(strings.TrimSuffix(change.Origin(remote, "x"), "x")) // with which its later lives begin
	decided := mysqldb.QuoteString(change.Decided(0, "", "").Origin)
	return `(came_from = '' OR NOT (came_from = ` + name + ` OR LOCATE(` + decided + `, origin) = 0 AND (origin = ` + name +
		` OR LEFT(origin, CHAR_LENGTH(` + lives + `)) = ` + lives + `)))`
}

// WrittenSince returns the IDs of those rows of a table whose versions were given here, by an origin, after a position of the
// stream, and that a remote needs.
func WrittenSince(ctx context.Context, db mysqldb.Queryer, table string, rows []change.Row, after int64, origin, remote string) (map[string]bool, error) {
	written := map[string]bool{}
	if len(rows) == 0 {
		return written, nil
	}
	args := []any{table}
	for _, r := range rows {
		args = append(args, []byte(r.ID()))
	}
	err := mysqldb.Each(ctx, db, `SELECT row_id FROM sync_versions WHERE table_name = ? AND row_id IN (`+mysqldb.List(len(rows))+`)
		AND position > ? AND origin = ? AND `+Needed(remote), append(args, after, origin), func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		written[id] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which rows of %s were written: %w", table, err)
	}
	return written, nil
}
