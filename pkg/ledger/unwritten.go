package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
)

// unwritten holds what could not be written to the file, as on a full disk.
type unwritten struct {
	mu   sync.Mutex
	why  error
	ends map[string]Run // runs that have ended, by job: each job has at most one
}

// cannot records that an error kept the file from being written, if it is SQLite's.
func (u *unwritten) cannot(err error) {
	if _, ok := errors.AsType[*sqlite.Error](err); !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.why = err
}

// keep keeps the end of a run that could not be written.
func (u *unwritten) keep(r *Run) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ends == nil {
		u.ends = map[string]Run{}
	}
	u.ends[r.Job] = *r
}

// write writes the ends; the caller calls forget after the commit.
func (u *unwritten) write(tx *tx) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range u.ends {
		if err := end(tx, &r); err != nil {
			return err
		}
	}
	return nil
}

// forget forgets what has been written.
func (u *unwritten) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.why = nil
	clear(u.ends)
}

// failed returns why the last attempt to write the file failed; nil if it did not.
func (u *unwritten) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.why
}

// Unwritten returns what keeps the file from being written: nil if writing has not failed, or works again. In the latter
// case it has written the ends of runs that could not be written before.
func (l *Ledger) Unwritten(ctx context.Context) error {
	if l.unwritten.failed() == nil {
		return nil
	}
	return l.update(ctx, func(tx *tx) error {
		if err := l.unwritten.write(tx); err != nil {
			return err
		}
		return tx.exec(`REPLACE INTO meta VALUES ('mended_at', ?)`, fmt.Sprint(l.ms())) // so that there is something to write
	}, l.unwritten.forget)
}
