package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Needs reports whether a version is news for a remote: it was made here, or it neither came from the remote nor was
// written there. from is the client that the version came from; it is empty if the version was made here. The result of
// a conflict policy is no one's write: the client whose row won may not know of it.
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

// Reached is, in SQL, the position up to which a remote has what it needs of a version's table: a condition joins v, of
// sync_versions, and r, of sync_remotes. What is held back is behind the remote's own position.
const Reached = `LEAST(r.position, COALESCE((SELECT k.position FROM sync_kept k WHERE k.remote = r.remote AND k.table_name = v.table_name), r.position))`

// WrittenSince returns the IDs of those rows of a table that got versions here, by an origin, after a position of the
// stream, and that a remote needs; and of those that were deleted in their versions.
func WrittenSince(ctx context.Context, db mysqldb.Queryer, table string, rows []change.Row, after int64, origin, remote string) (written, deleted map[string]bool, err error) {
	written, deleted = map[string]bool{}, map[string]bool{}
	if len(rows) == 0 {
		return written, deleted, nil
	}
	args := []any{after, origin, table}
	for _, r := range rows {
		args = append(args, []byte(r.ID()))
	}
	err = mysqldb.Each(ctx, db, `SELECT row_id, position > ? AND origin = ? AND `+Needed(remote)+`, deleted = `+strconv.Itoa(int(version.Deleted))+`
		FROM sync_versions WHERE table_name = ? AND row_id IN (`+mysqldb.List(len(rows))+`)`, args, func(r *sql.Rows) error {
		var id string
		var since, gone bool
		err := r.Scan(&id, &since, &gone)
		written[id], deleted[id] = since, gone
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read which rows of %s were written: %w", table, err)
	}
	return written, deleted, nil
}
