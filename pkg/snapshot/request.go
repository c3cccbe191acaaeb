package snapshot

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Request records that a table is to be sent to remotes; a running node begins
// within a second. The condition, if not empty, is the SQL of a WHERE clause, of
// someone who may read the whole table.
func Request(ctx context.Context, db *mysqldb.DB, remotes []string, table, mode, condition string) error {
	return request(ctx, db, remotes, []string{table}, mode, condition, nil)
}

// RequestUnseen records that all rows of a table are to be sent to remotes because they may have been written without
// being captured. No one knows which of them were, and when: so each wins over the version known of it here, which it
// follows, and over no write of another client that had not seen that. It counts as written just after that version or,
// if none is known, at a time before all others, which also identifies these snapshots.
func RequestUnseen(ctx context.Context, db *mysqldb.DB, remotes []string, table string) error {
	at := time.UnixMicro(change.Baseline + 1 + time.Now().UnixMicro()%unseenSpan.Microseconds())
	return request(ctx, db, remotes, []string{table}, All, "", at.UTC())
}

// unseenSpan is the time after 1970 at which snapshots begin whose rows are as old as can be.
const unseenSpan = 5 * 365 * 24 * time.Hour

// unseen reports whether a snapshot is one of RequestUnseen.
func (st *State) unseen() bool {
	return st.Mode == All && st.Started.UnixMicro() <= change.Baseline+1+unseenSpan.Microseconds()
}

// ResendUnseen is RequestUnseen for all remotes, and Behind knows it at once.
func (s *Snapshots) ResendUnseen(ctx context.Context, table string) error {
	s.noting.Lock()
	defer s.noting.Unlock()
	s.behind.Store(nil)
	return RequestUnseen(ctx, s.server.db, s.Remotes, table)
}

// request records snapshots; since is nil or a time. That a snapshot started then is
// what dates its rows. All have the same place in the stream: a row that gets a new
// version for one of the remotes goes to the others by the stream. It is three
// statements, whatever the number of tables.
func request(ctx context.Context, db *mysqldb.DB, remotes, tables []string, mode, condition string, since any) error {
	where := any(nil)
	if condition != "" {
		where = condition
	}
	rows, err := estimates(ctx, db, tables)
	var place int64
	if err == nil {
		err = db.GetContext(ctx, &place, `SELECT COALESCE(MAX(position), 0) FROM sync_versions`)
	}
	var args []any
	for _, r := range remotes {
		for _, t := range tables {
			args = append(args, r, t, mode, where, place, rows[t], since)
		}
	}
	if err == nil && len(args) > 0 {
		_, err = db.ExecContext(ctx, `REPLACE INTO sync_snapshots (remote, table_name, mode, condition_sql, since, rows_total, started_at) VALUES `+
			strings.TrimSuffix(strings.Repeat(`(?,?,?,?,?,COALESCE(?,0),COALESCE(?,UTC_TIMESTAMP(6))),`, len(remotes)*len(tables)), `,`), args...)
	}
	if err != nil {
		return fmt.Errorf("begin snapshot of %s for %s: %w", strings.Join(tables, ", "), strings.Join(remotes, ", "), err)
	}
	return nil
}

// estimates returns how many rows tables have by the server's own estimate.
func estimates(ctx context.Context, db *mysqldb.DB, tables []string) (map[string]int64, error) {
	rows := map[string]int64{}
	args := []any{db.Name}
	for _, t := range tables {
		args = append(args, t)
	}
	return rows, mysqldb.Each(ctx, db, `SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (`+mysqldb.List(len(tables))+`)`, args,
		func(r *sql.Rows) error {
			var name string
			var n int64
			err := r.Scan(&name, &n)
			rows[db.Spelled(name)] = n
			return err
		})
}
