// Package latch keeps two stages of one node from deciding about the same row at the same time.
//
// Capture gives a row a version because of a local write, apply because of a remote one; each reads the version,
// decides and writes it in its own transaction. The latch makes one wait for the other, row by row, so that neither
// decides about a row that the other is changing. Locks against the user's own writers are the database's business.
package latch

import (
	"context"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Rows is a set of latched rows. The zero value is ready, and safe for
// concurrent use.
type Rows struct {
	mu    sync.Mutex
	held  map[change.Row]struct{}
	freed chan struct{} // closed when rows are unlatched
}

// Lock waits until none of the rows is latched and latches them all at once, so that two callers cannot deadlock. It
// returns the function that unlatches them, or the error of ctx.
func (l *Rows) Lock(ctx context.Context, rows []change.Row) (unlock func(), err error) {
	for {
		unlock, freed := l.Try(rows)
		if unlock != nil {
			return unlock, nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Try latches the rows if none of them is latched. Otherwise unlock is nil, and freed is closed when a retry is
// worthwhile.
func (l *Rows) Try(rows []change.Row) (unlock func(), freed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.free(rows) {
		if l.freed == nil {
			l.freed = make(chan struct{})
		}
		return nil, l.freed
	}
	if l.held == nil {
		l.held = map[change.Row]struct{}{}
	}
	for _, r := range rows {
		l.held[r.Identity()] = struct{}{}
	}
	return func() { l.unlock(rows) }, nil
}

func (l *Rows) free(rows []change.Row) bool {
	if len(l.held) == 0 {
		return true
	}
	for _, r := range rows {
		if _, ok := l.held[r.Identity()]; ok {
			return false
		}
	}
	return true
}

func (l *Rows) unlock(rows []change.Row) {
	l.mu.Lock()
	for _, r := range rows {
		delete(l.held, r.Identity())
	}
	if l.freed != nil {
		close(l.freed)
		l.freed = nil
	}
	l.mu.Unlock()
}
