package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// dialect is how databases differ when writing.
type dialect interface {
	sqldb.Dialect
	// upsert inserts or updates rows with the same columns, by their key alone: another row that has one of their
	// unique values is an error.
	upsert(ctx context.Context, tx *sql.Tx, w *work, rows []row) error
	// fence has a transaction wait until those that a killed process has sent before are over: a server may yet carry out their
	// COMMIT, and would bring back what this one deletes. Promise 2.
	fence(ctx context.Context, tx *sql.Tx, table string, most times) error
	// options are those of a transaction; nil: the server's defaults.
	options() *sql.TxOptions
	// locking is the end of a SELECT that waits for rows which another transaction has written, if those are visible to it.
	locking() string
	// alone reports whether the key is the table's only unique key. If a server itself rejects a non-unique key, the check
	// is left to it.
	alone(ctx context.Context, d *Destination) (bool, error)
	// ofRow reports whether an error is about a row, which would be refused again.
	ofRow(err error) bool
	// deadlock reports whether the server has ended the transaction in favour of another one.
	deadlock(err error) bool
	// locked reports whether another session's lock was waited for in vain.
	locked(err error) bool
	// tooLarge reports whether a statement is too large for the server.
	tooLarge(err error) bool
	// moments reports whether a type needs a timestamp without the letters of RFC 3339.
	moments(kind string) bool
	// savepoints reports whether a transaction can continue after a refused row: one that the connector knows how to.
	savepoints() bool
	// texts reports whether values other than bytes are bound as text, which the server converts to the column's type.
	texts() bool
}

// dialectOf returns a driver's dialect.
func dialectOf(driver string) (dialect, error) {
	d, err := sqldb.DialectOf(driver)
	if err != nil {
		return nil, err
	}
	switch driver {
	case "postgres":
		return postgresDialect{d}, nil
	case "sqlite":
		return sqliteDialect{d}, nil
	case "mssql":
		return mssqlDialect{d}, nil
	}
	return mysqlDialect{d}, nil
}

type postgresDialect struct{ sqldb.Dialect }

// fences is the class of the connector's advisory locks: "msyn".
const fences = 0x6d73796e

// fence: a row that another transaction has inserted is not waited for by a DELETE, nor by SELECT FOR UPDATE. Before that transaction's
// COMMIT was sent, it had this lock (PostgreSQL manual, "Advisory Locks"). The server ends the transaction of a machine that is
// gone, which would have the lock for hours.
func (postgresDialect) fence(ctx context.Context, tx *sql.Tx, table string, most times) error {
	_, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true),
		pg_advisory_xact_lock($3, hashtext($4))`, milliseconds(most.lock), milliseconds(most.idle), fences, table)
	return err
}

// milliseconds is a time for a setting of PostgreSQL.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// options: the snapshot of another level would be taken before the fence has been waited for. The database's default may be such a
// level.
func (postgresDialect) options() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}

func (postgresDialect) locking() string { return "" }

func (postgresDialect) alone(context.Context, *Destination) (bool, error) { return false, nil }

func (postgresDialect) upsert(ctx context.Context, tx *sql.Tx, w *work, rows []row) error {
	return onConflict(ctx, tx, w, rows)
}

// ofRow: classes 22 and 23 are errors of data and constraints; 21000 means two rows with one
// key there (PostgreSQL manual, "Error Codes").
func (postgresDialect) ofRow(err error) bool {
	var e interface{ SQLState() string }
	return errors.As(err, &e) && (strings.HasPrefix(e.SQLState(), "22") || strings.HasPrefix(e.SQLState(), "23") || e.SQLState() == "21000")
}

// deadlock: deadlock_detected, serialization_failure.
func (postgresDialect) deadlock(err error) bool {
	var e interface{ SQLState() string }
	return errors.As(err, &e) && (e.SQLState() == "40P01" || e.SQLState() == "40001")
}

// locked: lock_not_available.
func (postgresDialect) locked(err error) bool {
	var e interface{ SQLState() string }
	return errors.As(err, &e) && e.SQLState() == "55P03"
}

func (postgresDialect) tooLarge(error) bool { return false }

func (postgresDialect) savepoints() bool    { return true }
func (postgresDialect) moments(string) bool { return false }
func (postgresDialect) texts() bool         { return true }

type sqliteDialect struct{ sqldb.Dialect }

// fence: a process's transactions end with it.
func (sqliteDialect) fence(context.Context, *sql.Tx, string, times) error { return nil }

func (sqliteDialect) options() *sql.TxOptions { return nil }

func (sqliteDialect) locking() string { return "" }

func (sqliteDialect) alone(context.Context, *Destination) (bool, error) { return false, nil }

func (sqliteDialect) upsert(ctx context.Context, tx *sql.Tx, w *work, rows []row) error {
	return onConflict(ctx, tx, w, rows)
}

// ofRow: the primary codes of SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG and
// SQLITE_RANGE (sqlite.org/rescode.html).
func (sqliteDialect) ofRow(err error) bool {
	var e interface{ Code() int }
	return errors.As(err, &e) && slices.Contains([]int{18, 19, 20, 25}, e.Code()&0xff)
}

// deadlock: SQLite has none, since a writing transaction begins alone.
func (sqliteDialect) deadlock(error) bool { return false }

// locked: SQLITE_BUSY, after the driver has waited.
func (sqliteDialect) locked(err error) bool {
	var e interface{ Code() int }
	return errors.As(err, &e) && e.Code()&0xff == 5
}

func (sqliteDialect) tooLarge(error) bool { return false }

func (sqliteDialect) savepoints() bool { return true }

func (sqliteDialect) moments(kind string) bool {
	return kind == "DATETIME" || kind == "TIMESTAMP"
}
func (sqliteDialect) texts() bool { return false }

type mysqlDialect struct{ sqldb.Dialect }

// fence: locking reads wait instead.
func (mysqlDialect) fence(context.Context, *sql.Tx, string, times) error { return nil }

func (mysqlDialect) options() *sql.TxOptions { return nil }

// locking: a plain SELECT does not see the rows of others, or what they were before (MySQL manual, "Locking Reads").
func (mysqlDialect) locking() string { return " FOR UPDATE" }

// alone also rejects a non-unique key, which this server would accept: each run would add all rows again.
func (mysqlDialect) alone(ctx context.Context, d *Destination) (bool, error) {
	if len(d.leg.Key) == 0 {
		return true, nil
	}
	rows, err := d.db.QueryContext(ctx, `SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND NON_UNIQUE = 0`, d.leg.Table)
	if err != nil {
		return false, fmt.Errorf("read the keys of %s: %w", d.leg.Table, err)
	}
	defer rows.Close()
	indexes := map[string][]string{}
	for rows.Next() {
		var index string
		var column sql.NullString
		if err := rows.Scan(&index, &column); err != nil {
			return false, fmt.Errorf("read the keys of %s: %w", d.leg.Table, err)
		}
		indexes[index] = append(indexes[index], column.String)
	}
	want := slices.Sorted(slices.Values(d.leg.Key))
	unique := false
	for _, columns := range indexes {
		slices.Sort(columns)
		unique = unique || slices.Equal(columns, want)
	}
	if !unique {
		return false, fmt.Errorf("table %s has no primary or unique key of exactly %s", d.leg.Table, strings.Join(d.leg.Key, ", "))
	}
	return len(indexes) == 1, rows.Err()
}

// upsert inserts missing rows, and updates the others by key: ON DUPLICATE KEY alone would also update another
// row with one of their unique values.
func (mysqlDialect) upsert(ctx context.Context, tx *sql.Tx, w *work, rows []row) error {
	sets := w.quoted(w.others(rows[0].columns))
	for i, name := range sets {
		sets[i] = name + " = VALUES(" + name + ")"
	}
	fresh, old := []row(nil), rows
	if !w.alone || len(sets) == 0 {
		there, err := w.standing(ctx, tx, rows, "")
		if err != nil {
			return err
		}
		fresh, old = parted(rows, there)
	}
	if len(fresh) > 0 {
		if err := w.insert(fresh).exec(ctx, tx); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	if len(old) == 0 || len(sets) == 0 {
		return nil
	}
	s := w.insert(old)
	s.WriteString(" ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", "))
	if err := s.exec(ctx, tx); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// ofRow: the errors of data and constraints (MySQL manual, "Server Error Message Reference").
func (mysqlDialect) ofRow(err error) bool {
	n := sqldb.MySQLNumber(err)
	return slices.Contains([]int{1048, 1062, 1169, 1216, 1217, 1264, 1265, 1292, 1366, 1364, 1406, 1416, 1451, 1452, 1525, 1644, 3140, 3819, 4025}, n)
}

// deadlock: ER_LOCK_DEADLOCK, and ER_CHECKREAD of MariaDB, of a row that has changed since the snapshot.
func (mysqlDialect) deadlock(err error) bool {
	n := sqldb.MySQLNumber(err)
	return n == 1213 || n == 1020
}

// locked: ER_LOCK_WAIT_TIMEOUT.
func (mysqlDialect) locked(err error) bool { return sqldb.MySQLNumber(err) == 1205 }

// tooLarge: ER_NET_PACKET_TOO_LARGE, which the driver may also report before sending.
func (mysqlDialect) tooLarge(err error) bool { return sqldb.MySQLTooLarge(err) }

func (mysqlDialect) savepoints() bool         { return true }
func (mysqlDialect) moments(kind string) bool { return kind == "DATETIME" || kind == "TIMESTAMP" }
func (mysqlDialect) texts() bool              { return true }

type mssqlDialect struct{ sqldb.Dialect }

// fence: under READ COMMITTED, a SELECT waits for the rows of others, unless the database has READ_COMMITTED_SNAPSHOT.
func (mssqlDialect) fence(context.Context, *sql.Tx, string, times) error { return nil }

func (mssqlDialect) options() *sql.TxOptions { return nil }

func (mssqlDialect) locking() string { return "" }

func (mssqlDialect) alone(context.Context, *Destination) (bool, error) { return false, nil }

func (mssqlDialect) upsert(ctx context.Context, tx *sql.Tx, w *work, rows []row) error {
	there, err := w.standing(ctx, tx, rows, " WITH (UPDLOCK, HOLDLOCK)")
	if err != nil {
		return err
	}
	fresh, old := parted(rows, there)
	if len(fresh) > 0 {
		if err := w.insert(fresh).exec(ctx, tx); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	for i := range old {
		s := w.statement()
		s.WriteString("UPDATE " + w.dialect.Quote(w.leg.Table) + " SET ")
		n := 0
		for k, name := range old[i].columns {
			if slices.Contains(w.leg.Key, name) {
				continue
			}
			if n++; n > 1 {
				s.WriteString(", ")
			}
			s.WriteString(w.dialect.Quote(name) + " = ")
			s.value(old[i].values[k])
		}
		if n == 0 {
			continue
		}
		w.where(s, []key{old[i].key})
		if err := s.exec(ctx, tx); err != nil {
			return fmt.Errorf("update: %w", err)
		}
	}
	return nil
}

// ofRow: the errors of constraints, conversion and truncation (SQL Server manual, "Database
// engine events and errors").
func (mssqlDialect) ofRow(err error) bool {
	var e interface{ SQLErrorNumber() int32 }
	return errors.As(err, &e) && slices.Contains([]int32{220, 232, 241, 242, 245, 248, 515, 547, 2601, 2627, 2628, 8114, 8115, 8152}, e.SQLErrorNumber())
}

// deadlock: the transaction was the victim of one.
func (mssqlDialect) deadlock(err error) bool {
	var e interface{ SQLErrorNumber() int32 }
	return errors.As(err, &e) && e.SQLErrorNumber() == 1205
}

// locked: the time of SET LOCK_TIMEOUT is over.
func (mssqlDialect) locked(err error) bool {
	var e interface{ SQLErrorNumber() int32 }
	return errors.As(err, &e) && e.SQLErrorNumber() == 1222
}

func (mssqlDialect) tooLarge(error) bool { return false }

// savepoints: some errors end the transaction, and no server is available to test that.
func (mssqlDialect) savepoints() bool { return false }

func (mssqlDialect) moments(kind string) bool {
	return strings.HasPrefix(kind, "DATETIME") || kind == "SMALLDATETIME"
}
func (mssqlDialect) texts() bool { return true }

// parted separates the rows that do not exist from those that do.
func parted(rows []row, there map[int]bool) (fresh, old []row) {
	for i := range rows {
		if there[i] {
			old = append(old, rows[i])
		} else {
			fresh = append(fresh, rows[i])
		}
	}
	return fresh, old
}
