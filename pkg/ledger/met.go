package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Meet remembers clients that a source has met.
func (l *Ledger) Meet(ctx context.Context, source string, clients []string, now time.Time) error {
	err := l.update(ctx, func(tx *tx) error {
		for _, client := range clients {
			if err := tx.exec(`INSERT OR IGNORE INTO met VALUES (?, ?, ?)`, source, client, when(now)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remember the clients of %s: %w", source, err)
	}
	return nil
}

// Met returns at most most clients that a source has met, the latest first.
func (l *Ledger) Met(ctx context.Context, source string, most int) (clients []string, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT client FROM met WHERE source = ? ORDER BY at DESC, client LIMIT ?`, source, most)
	err = each(rows, err, func(rows *sql.Rows) error {
		var client string
		err := rows.Scan(&client)
		clients = append(clients, client)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the clients of %s: %w", source, err)
	}
	return clients, nil
}
