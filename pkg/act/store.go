package act

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// How many records are kept. Only those of the last two minutes are needed to do each act once: an older question is not
// taken. So no more are taken in that time than fit. Promise 10.
const (
	keptDays   = 90
	mostKept   = 4000
	mostRecent = 500 // in the last two minutes, of all clients
)

var errTooMany = errors.New("too much was asked for in the last two minutes: try again later")

// claim records that an act begins; if it is recorded already, it returns that record.
func claim(ctx context.Context, db *mysqldb.DB, client string, a *wire.Act, digest [sha256.Size]byte, now time.Time) (was *record, err error) {
	err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		was = nil
		err := mysqldb.Each(ctx, tx, `SELECT state, digest, outcome FROM sync_acts WHERE client = ? AND id = ? FOR UPDATE`, []any{client, a.ID}, func(r *sql.Rows) error {
			was = &record{}
			var digest []byte
			err := r.Scan(&was.state, &digest, &was.outcome)
			copy(was.digest[:], digest)
			return err
		})
		if err != nil || was != nil {
			return err
		}
		if err := Timely(a, now); err != nil {
			return err
		}
		var recent int
		err = mysqldb.Each(ctx, tx, `SELECT COUNT(*) FROM sync_acts WHERE began_at > UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE`, nil, func(r *sql.Rows) error { return r.Scan(&recent) })
		if err != nil {
			return err
		}
		if recent >= mostRecent {
			return errTooMany
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sync_acts (client, id, person, action, what, digest, asked_at, began_at, state)
			VALUES (?, ?, ?, ?, ?, ?, '1970-01-01' + INTERVAL ? MICROSECOND, UTC_TIMESTAMP(6), 'begun')`, client, a.ID, a.By, a.Do, what(a), digest[:], a.At*1000)
		return err
	})
	return was, err
}

// finish records the outcome.
func finish(ctx context.Context, db *mysqldb.DB, client, id, state string, outcome []byte) error {
	_, err := db.ExecContext(ctx, `UPDATE sync_acts SET state = ?, outcome = ?, ended_at = UTC_TIMESTAMP(6) WHERE client = ? AND id = ?`, state, outcome, client, id)
	if err != nil {
		return fmt.Errorf("write into sync_acts: %w", err)
	}
	return nil
}

// purge removes old records.
func purge(ctx context.Context, db *mysqldb.DB) error {
	_, err := db.ExecContext(ctx, `DELETE FROM sync_acts WHERE began_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY`, keptDays)
	if err != nil {
		return fmt.Errorf("purge sync_acts: %w", err)
	}
	var all int
	if err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sync_acts`).Scan(&all); err == nil && all > mostKept {
		_, err = db.ExecContext(ctx, `DELETE FROM sync_acts WHERE began_at < UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE ORDER BY began_at LIMIT ?`, all-mostKept)
	}
	if err != nil {
		return fmt.Errorf("purge sync_acts: %w", err)
	}
	return nil
}

// what is an act in words, for people who read sync_acts.
func what(a *wire.Act) string {
	parts := []string{}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("remote", a.Remote)
	add("table", a.Table)
	add("tables", strings.Join(a.Tables, ", "))
	add("row", a.Row)
	add("mode", a.Mode)
	if a.Repair {
		parts = append(parts, "with repair")
	}
	if a.Seconds > 0 {
		add("for", (time.Duration(a.Seconds * float64(time.Second))).String())
	}
	add("reason", a.Reason)
	return wire.Plain(strings.Join(parts, "; "), 255)
}
