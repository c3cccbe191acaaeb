package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Take uses a limit once more in the slot now, unless it was already used most times in the slots from first to last. It
// reports whether it did. Slots before first are forgotten. See remote.Budget.
func (l *Ledger) Take(ctx context.Context, limit string, now, first, last int64, most int) (bool, error) {
	taken := false
	err := l.update(ctx, func(tx *tx) error {
		if err := tx.exec(`DELETE FROM budgets WHERE name = ? AND window < ?`, limit, first); err != nil {
			return err
		}
		used := 0
		if err := tx.one(`SELECT coalesce(sum(used), 0) FROM budgets WHERE name = ? AND window <= ?`, limit, last).Scan(&used); err != nil {
			return err
		}
		if taken = used < most; !taken {
			return nil
		}
		return tx.exec(`INSERT INTO budgets VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1`, limit, now)
	})
	if err != nil {
		return false, fmt.Errorf("use the limit %s: %w", limit, err)
	}
	return taken, nil
}

// Used returns how often a limit was used in the slots from first to last.
func (l *Ledger) Used(ctx context.Context, limit string, first, last int64) (int, error) {
	n := 0
	if err := l.read.QueryRowContext(ctx, `SELECT coalesce(sum(used), 0) FROM budgets WHERE name = ? AND window BETWEEN ? AND ?`, limit, first, last).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the limit %s: %w", limit, err)
	}
	return n, nil
}

// Hold records until when a service wants to be left alone; a time before the recorded one changes nothing. See
// remote.Holds.
func (l *Ledger) Hold(ctx context.Context, limit string, until time.Time) error {
	err := l.update(ctx, func(tx *tx) error {
		return tx.exec(`INSERT INTO holds VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until WHERE excluded.until > until`, limit, until.UnixMilli())
	})
	if err != nil {
		return fmt.Errorf("hold the limit %s: %w", limit, err)
	}
	return nil
}

// Held returns until when a service wants to be left alone; zero if it does not.
func (l *Ledger) Held(ctx context.Context, limit string) (until time.Time, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT until FROM holds WHERE name = ?`, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var t nullTime
		err := rows.Scan(&t)
		until = t.Time()
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("read the limit %s: %w", limit, err)
	}
	return until, nil
}
