package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Backup is a copy of the state that was uploaded, or failed to be.
type Backup struct {
	ID     int64
	Object string
	Size   int64 // bytes
	SHA256 string
	At     time.Time
	Error  string // why it failed; "" if it did not
}

// NoteBackup records a backup, and sets its id and time.
func (l *Ledger) NoteBackup(ctx context.Context, b *Backup) error {
	b.At = time.UnixMilli(l.ms())
	err := l.update(ctx, func(tx *tx) (err error) {
		b.ID, err = tx.insert(`INSERT INTO backups (object, size, sha256, at, error) VALUES (?, ?, ?, ?, ?)`, b.Object, b.Size, b.SHA256, when(b.At), b.Error)
		return err
	})
	if err != nil {
		return fmt.Errorf("record backup %s: %w", b.Object, err)
	}
	return nil
}

// Backups returns the backups, the newest first.
func (l *Ledger) Backups(ctx context.Context, limit int) ([]Backup, error) {
	var out []Backup
	rows, err := l.read.QueryContext(ctx, `SELECT id, object, size, sha256, at, error FROM backups ORDER BY id DESC LIMIT ?`, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var b Backup
		var when nullTime
		err := rows.Scan(&b.ID, &b.Object, &b.Size, &b.SHA256, &when, &b.Error)
		b.At = when.Time()
		out = append(out, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the backups: %w", err)
	}
	return out, nil
}

// PurgeBackups forgets all but the newest ones.
func (l *Ledger) PurgeBackups(ctx context.Context, keep int) error {
	return l.update(ctx, func(tx *tx) error {
		return tx.exec(`DELETE FROM backups WHERE id NOT IN (SELECT id FROM backups ORDER BY id DESC LIMIT ?)`, keep)
	})
}
