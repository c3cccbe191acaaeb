package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Acquaintance is a client that a source has met.
type Acquaintance struct {
	Client string
	Here   bool // it tells its presence on its own topic
}

// Meet remembers clients that a source has met, or what is new about them.
func (l *Ledger) Meet(ctx context.Context, source string, clients []Acquaintance, now time.Time) error {
	err := l.update(ctx, func(tx *tx) error {
		for _, a := range clients {
			if err := tx.exec(`INSERT INTO met (source, client, at, here) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET here = excluded.here`,
				source, a.Client, when(now), a.Here); err != nil {
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
func (l *Ledger) Met(ctx context.Context, source string, most int) (clients []Acquaintance, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT client, here FROM met WHERE source = ? ORDER BY at DESC, client LIMIT ?`, source, most)
	err = each(rows, err, func(rows *sql.Rows) error {
		var a Acquaintance
		err := rows.Scan(&a.Client, &a.Here)
		clients = append(clients, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the clients of %s: %w", source, err)
	}
	return clients, nil
}
