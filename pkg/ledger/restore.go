package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Revival says what becomes of a copy that takes the place of a state.
type Revival struct {
	As    *Identity // whose it becomes; nil: it stays whose it was
	Pause string    // why to pause jobs; "": do not
	Jobs  []string  // to pause, even if the copy does not know them; nil: all that it knows
	Now   time.Time
}

// Revive makes a copy that no process uses ready to take the place of a state: it gets a new life, so that no id is used
// twice, and a new identity if r has one. All of this is one transaction, and foreign keys are checked before it is
// committed.
func Revive(ctx context.Context, file string, r Revival) error {
	l, err := open(ctx, file, Config{Now: func() time.Time { return r.Now }})
	if err != nil {
		return fmt.Errorf("revive %s: %w", file, err)
	}
	err = l.update(ctx, func(tx *tx) error {
		if err := tx.exec(`REPLACE INTO meta VALUES ('parent', ?), ('life', ?), ('restored_at', ?)`, l.life, rand.Text()[:10], fmt.Sprint(l.ms())); err != nil {
			return err
		}
		if err := tx.exec(`UPDATE legs SET adopted_at = NULL`); err != nil {
			return err
		}
		// Rows pushed after the copy was made are lost, though their senders believe them delivered: all have to be pushed again.
		if err := errors.Join(tx.scrap(`inbox WHERE true`), tx.exec(`DELETE FROM inbox`)); err != nil {
			return err
		}
		if err := pause(tx, r, l.ms()); err != nil {
			return err
		}
		if r.As != nil {
			if err := rename(tx, *r.As); err != nil {
				return err
			}
		}
		return tx.each(func(*sql.Rows) error { return errors.New("a row's parent is missing") }, `PRAGMA foreign_key_check`)
	})
	if err != nil {
		err = fmt.Errorf("revive %s: %w", file, err)
	}
	return errors.Join(err, l.Close()) // closing the last connection folds the log into the file
}

// pause pauses the jobs of a copy.
func pause(tx *tx, r Revival, now int64) error {
	if r.Pause == "" {
		return nil
	}
	if r.Jobs == nil {
		return tx.exec(`UPDATE jobs SET paused_at = ?, reason = ? WHERE paused_at IS NULL`, now, r.Pause)
	}
	for _, name := range r.Jobs {
		id, err := jobID(tx, name)
		if err != nil {
			return err
		}
		if err := tx.exec(`UPDATE jobs SET paused_at = ?, reason = ? WHERE id = ? AND paused_at IS NULL`, now, r.Pause, id); err != nil {
			return err
		}
	}
	return nil
}

// rename makes the state another connector's. Its ids are in meta; alerts and backups are about the old one. A test goes
// through all columns, so that a new one with an id is not forgotten here.
func rename(tx *tx, to Identity) error {
	if err := tx.exec(`REPLACE INTO meta VALUES ('connector', ?), ('org', ?), ('hub', ?)`, to.Connector, to.Org, to.Hub); err != nil {
		return err
	}
	if err := tx.exec(`DELETE FROM alerts`); err != nil {
		return err
	}
	return tx.exec(`DELETE FROM backups`)
}

// AheadError means that a state has done things that the copy to replace it does not know of.
type AheadError struct {
	File       string
	Has, Would Reached
}

func (e *AheadError) Error() string {
	would := "never"
	if !e.Would.Last.IsZero() {
		would = e.Would.Last.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s is newer than the copy: its last activity was at %s, the copy's at %s", e.File, e.Has.Last.UTC().Format(time.RFC3339), would)
}

// Replace puts a copy in the place of a state, if any. It returns an *AheadError if the state has gone beyond what the copy
// had reached, unless forced, and a *LockedError if a process uses the state. The old state is kept under the name that is
// returned, "" if there was none. Both files must be in one folder. A kill at any instruction leaves one of the two states
// in place.
func Replace(ctx context.Context, file, by string, reached Reached, force bool) (kept string, err error) {
	held, err := lock(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock(held)) }()
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		// If someone removed the state but left its log, that log must not become the copy's.
		return "", errors.Join(removeParts(file), os.Rename(by, file), syncFolder(filepath.Dir(file)))
	}
	if err := ahead(ctx, file, reached); err != nil && !force {
		return "", err
	}
	kept = file + ".replaced-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, part := range []string{"", "-wal"} {
		if err := os.Link(file+part, kept+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("keep %s: %w", file, err)
		}
	}
	return kept, errors.Join(removeParts(file), os.Rename(by, file), syncFolder(filepath.Dir(file)))
}

// ahead returns an *AheadError if the state has gone beyond the copy. It also folds the state's log into its file, which
// may be inconsistent without it.
func ahead(ctx context.Context, file string, would Reached) error {
	l, err := open(ctx, file, Config{})
	if err != nil {
		return err
	}
	has, err := l.Reached(ctx)
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	if has.Beyond(would) {
		return &AheadError{file, has, would}
	}
	return nil
}

// removeParts removes the files that SQLite keeps next to a state.
func removeParts(file string) error {
	for _, part := range []string{"-wal", "-shm"} {
		if err := os.Remove(file + part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Form is the number of the newest migration that this version of the program knows.
func Form() int {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0 // cannot happen: the pattern is valid
	}
	return len(names)
}

// Empty reports whether there is no state in a file, or one that has never known a job.
func Empty(ctx context.Context, file string) (bool, error) {
	l, err := View(ctx, file, Config{})
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var jobs int
	err = l.read.QueryRowContext(ctx, `SELECT count(*) FROM jobs`).Scan(&jobs)
	return jobs == 0 && err == nil, errors.Join(err, l.Close())
}

// FormOf returns the number of the newest migration of a state that no process uses.
func FormOf(ctx context.Context, file string) (form int, err error) {
	db, err := connect(file, readCacheKiB, copies)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var application int
	if err := db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id)`).Scan(&form, &application); err != nil {
		return 0, fmt.Errorf("read the form of %s: %w", file, err)
	}
	if application != applicationID {
		return 0, fmt.Errorf("%s is another program's database", file)
	}
	return form, nil
}
