package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Note is something that happened to a job, other than a run.
type Note struct {
	ID      int64
	Subject string
	Event   string
	Text    string
	At      time.Time
}

// notesMost is how many notes are kept.
const notesMost = 1000

// Note records a note, unless the last one of the same event and subject says the same. It reports whether it did.
func (l *Ledger) Note(ctx context.Context, subject, event, text string) (isNew bool, err error) {
	err = l.update(ctx, func(tx *tx) error {
		isNew = false
		var last string
		err := tx.one(`SELECT text FROM notes WHERE subject = ? AND event = ? ORDER BY id DESC LIMIT 1`, subject, event).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) || err == nil && last == text {
			return err
		}
		isNew = true
		if err := tx.exec(`INSERT INTO notes (subject, event, text, at) VALUES (?, ?, ?, ?)`, subject, event, text, l.ms()); err != nil {
			return err
		}
		return tx.exec(`DELETE FROM notes WHERE id <= (SELECT max(id) FROM notes) - ?`, notesMost)
	})
	if err != nil {
		return false, fmt.Errorf("record what happened to %s: %w", subject, err)
	}
	return isNew, nil
}

// Notes returns notes, the newest first.
func (l *Ledger) Notes(ctx context.Context, limit int) ([]Note, error) {
	var out []Note
	rows, err := l.read.QueryContext(ctx, `SELECT id, subject, event, text, at FROM notes ORDER BY id DESC LIMIT ?`, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var n Note
		var when nullTime
		err := rows.Scan(&n.ID, &n.Subject, &n.Event, &n.Text, &when)
		n.At = when.Time()
		out = append(out, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the notes: %w", err)
	}
	return out, nil
}
