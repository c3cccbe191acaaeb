package paused

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Limits of a pause.
const (
	ReasonMost = 255                       // characters
	longest    = 10 * 365 * 24 * time.Hour // unless it has no end
)

// Pause is what a person has paused.
type Pause struct {
	Remote string // "": all
	Table  string // "": all
	Reason string
	By     string // who paused it from afar; "": someone here
	Began  time.Time
	Until  time.Time // zero: until it is resumed
}

// Ask is a request to pause.
type Ask struct {
	Remote string
	Table  string
	Reason string
	By     string
	For    time.Duration // 0: until it is resumed
}

// Valid returns what is wrong with a request, apart from the names.
func (a Ask) Valid() error {
	switch {
	case a.For < 0 || a.For > 0 && a.For < time.Second || a.For > longest:
		return fmt.Errorf("a pause lasts from one second to ten years, not %s; without a time it lasts until it is resumed", a.For)
	case !utf8.ValidString(a.Reason):
		return errors.New("the reason is not valid UTF-8")
	case utf8.RuneCountInString(a.Reason) > ReasonMost:
		return fmt.Errorf("the reason has more than %d characters", ReasonMost)
	}
	return nil
}

// begin runs when something is paused. It replaces a pause of the same that is still in force, but keeps its beginning.
const begin = `INSERT INTO sync_pauses (remote, table_name, reason, paused_by, began_at, until_at)
	VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)
	ON DUPLICATE KEY UPDATE began_at = IF(until_at <= UTC_TIMESTAMP(6), VALUES(began_at), began_at), reason = VALUES(reason), paused_by = VALUES(paused_by), until_at = VALUES(until_at)`

// Begin records a pause.
func Begin(ctx context.Context, db mysqldb.Execer, a Ask) error {
	var length any
	if a.For > 0 {
		length = a.For.Microseconds()
	}
	if _, err := db.ExecContext(ctx, begin, a.Remote, a.Table, a.Reason, a.By, length); err != nil {
		return fmt.Errorf("write into sync_pauses: %w", err)
	}
	return nil
}

// End ends the pauses of a remote and a table, and returns those that were in force. "" matches any or, if exactly is
// set, only pauses of all.
func End(ctx context.Context, db *mysqldb.DB, remote, table string, exactly bool) (ended []Pause, err error) {
	err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		all, _, err := read(ctx, tx, " FOR UPDATE")
		if err != nil {
			return err
		}
		others := func(name, of string) bool { return (name != "" || exactly) && name != of }
		ended = slices.DeleteFunc(all, func(p Pause) bool { return others(remote, p.Remote) || others(table, p.Table) })
		for _, p := range ended {
			if _, err := tx.ExecContext(ctx, `DELETE FROM sync_pauses WHERE remote = ? AND table_name = ?`, p.Remote, p.Table); err != nil {
				return fmt.Errorf("delete from sync_pauses: %w", err)
			}
		}
		return nil
	})
	return ended, err
}

// read returns the pauses in force, and those that are over.
func read(ctx context.Context, db mysqldb.Queryer, locking string) (now, over []Pause, err error) {
	err = mysqldb.Each(ctx, db, `SELECT remote, table_name, reason, paused_by, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', began_at),
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', until_at), COALESCE(until_at <= UTC_TIMESTAMP(6), 0)
		FROM sync_pauses ORDER BY remote, table_name`+locking, nil, func(r *sql.Rows) error {
		var p Pause
		var began int64
		var until sql.NullInt64
		var ended bool
		if err := r.Scan(&p.Remote, &p.Table, &p.Reason, &p.By, &began, &until, &ended); err != nil {
			return err
		}
		p.Began = time.UnixMicro(began)
		if until.Valid {
			p.Until = time.UnixMicro(until.Int64)
		}
		if ended {
			over = append(over, p)
		} else {
			now = append(now, p)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read sync_pauses: %w", err)
	}
	return now, over, nil
}
