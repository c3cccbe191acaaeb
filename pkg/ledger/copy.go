package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Copy opens a copy of a state, for a dry run (promise 4); Close removes it. A missing state counts as an empty one. Copy
// changes nothing next to the file, and works alongside a process that uses the state. It refuses a state of a newer
// version, and migrates one of an older version in the copy.
func Copy(ctx context.Context, file string, c Config) (*Ledger, error) {
	folder, err := os.MkdirTemp("", "connector-dry-")
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", file, err)
	}
	to := filepath.Join(folder, filepath.Base(file))
	err = copyState(ctx, file, to)
	if err == nil {
		var l *Ledger
		if l, err = open(ctx, to, c); err == nil {
			l.remove = folder
			return l, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("copy %s: %w", file, err), os.RemoveAll(folder))
}

// copyState copies the state's file if no one uses it, which leaves no traces; otherwise SQLite does it.
func copyState(ctx context.Context, file, to string) error {
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(file + ".lock"); err == nil {
		held, err := lock(file)
		if locked := new(LockedError); errors.As(err, &locked) {
			return Snapshot(ctx, file, to)
		}
		if err != nil {
			return err
		}
		defer unlock(held) //nolint:errcheck // it was taken only to see whether someone holds it
	}
	for _, part := range []string{"", "-wal"} {
		if err := copyFile(file+part, to+part); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Snapshot writes a consistent copy of the state to a new file.
func (l *Ledger) Snapshot(ctx context.Context, to string) error { return Snapshot(ctx, l.file, to) }

// Snapshot writes a consistent copy of the state in file to a new file, without unused pages. It works while a process
// uses the state, even this one.
func Snapshot(ctx context.Context, file, to string) (err error) {
	db, err := connect(file, readCacheKiB, copies)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return fmt.Errorf("copy %s: %w", file, err)
	}
	return nil
}

// Check returns what is wrong with the pages or foreign keys of a state that no process uses, such as a copy.
func Check(ctx context.Context, file string) (err error) {
	db, err := connect(file, readCacheKiB, copies)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("check %s: %w", file, err)
	}
	if said != "ok" {
		return fmt.Errorf("check %s: %s", file, said)
	}
	rows, err := db.QueryContext(ctx, `PRAGMA foreign_key_check`)
	return each(rows, err, func(*sql.Rows) error { return fmt.Errorf("check %s: a row's parent is missing", file) })
}

// Trim releases the file's unused pages, some at a time, so that others can write in between.
func (l *Ledger) Trim(ctx context.Context) error {
	for left := 1; left > 0; {
		if err := l.update(ctx, func(tx *tx) error {
			if tx.pieces {
				tx.cached(littleKiB)
			}
			if err := tx.each(func(*sql.Rows) error { return nil }, `PRAGMA incremental_vacuum(2000)`); err != nil {
				return err
			}
			if err := tx.look(); err != nil {
				return err
			}
			return tx.one(`SELECT freelist_count FROM pragma_freelist_count`).Scan(&left)
		}); err != nil {
			return fmt.Errorf("trim %s: %w", l.file, err)
		}
	}
	return nil
}
