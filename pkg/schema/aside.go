package schema

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// How a table that cannot be read is asked for. One that is damaged may look as if it could be: that shows
// when its rows are read, and then the pauses grow.
const (
	asideFirst = 50 * time.Millisecond
	asideMost  = time.Second      // between two looks
	asideAgain = 30 * time.Second // where it looked free each time and was not
	asideTrial = 3 * time.Second  // without an error, after which it is free
	asideTold  = 3 * time.Second  // after which it is told
)

// aside is a table that cannot be read now: somebody has locked it, or it is damaged.
type aside struct {
	since time.Time
	err   error
	told  bool
	trial bool // it looks free, and is read again
	pause time.Duration
	next  time.Time // when it is looked at, or is free
}

// Aside is a table that cannot be read now, and for how long it could not.
type Aside struct {
	Table string
	Since time.Time
	Why   string
}

// SetAside notes that a table cannot be read now if an error of reading it says so, and returns whether it does.
// Nobody need try again before Free tells; see Aside. Promise 5: other tables go on.
func (ts *Tables) SetAside(name string, err error) bool {
	if !mysqldb.Stuck(err) {
		return false
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := time.Now()
	h := ts.asides[name]
	switch {
	case h == nil:
		h = &aside{since: now, pause: asideFirst}
		if ts.asides == nil {
			ts.asides = map[string]*aside{}
		}
		ts.asides[name] = h
	case !h.trial: // somebody else has met it
		h.err = err
		return true
	case mysqldb.LockTimeout(err): // another lock: a look tells of these
		h.pause = asideFirst
	default:
		h.pause = min(2*h.pause, asideAgain)
	}
	h.err, h.trial, h.next = err, false, now.Add(h.pause)
	select {
	case ts.more <- struct{}{}:
	default:
	}
	return true
}

// Aside returns why a table cannot be read now, or nil if it may be tried.
func (ts *Tables) Aside(name string) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if h := ts.asides[name]; h != nil && !h.trial {
		return h.err
	}
	return nil
}

// AllAside returns the tables that cannot be read, those for which that has been so for some seconds, in the
// order of their names.
func (ts *Tables) AllAside() (list []Aside) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for name, h := range ts.asides {
		if !h.trial && time.Since(h.since) >= asideTold {
			list = append(list, Aside{name, h.since, h.err.Error()})
		}
	}
	slices.SortFunc(list, func(x, y Aside) int { return strings.Compare(x.Table, y.Table) })
	return list
}

// Free looks after the tables that cannot be read, in the place of all that would read them, and calls freed
// when one may be tried. It tells of them, and runs until ctx ends.
func (ts *Tables) Free(ctx context.Context, log *zap.Logger, freed func(table string)) error {
	for {
		var due <-chan time.Time
		if at := ts.nextAside(); !at.IsZero() {
			due = time.After(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ts.more:
		case <-due:
		}
		for _, name := range ts.dueAside(log) {
			// As all do that read it. What another error says is told to them.
			err := mysqldb.Each(ctx, ts.db.AtOnce(ts.db), "SELECT 1 FROM "+mysqldb.Quote(name)+" LIMIT 0", nil, nil)
			if ts.foundAside(log, name, err) {
				freed(name)
			}
		}
	}
}

// nextAside returns when something is due, or zero.
func (ts *Tables) nextAside() (at time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, h := range ts.asides {
		if at.IsZero() || h.next.Before(at) {
			at = h.next
		}
	}
	return at
}

// dueAside returns the tables that are to be looked at, and forgets those that are free.
func (ts *Tables) dueAside(log *zap.Logger) (due []string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := time.Now()
	for name, h := range ts.asides {
		switch {
		case now.Before(h.next):
		case !h.trial:
			due = append(due, name)
		default:
			delete(ts.asides, name)
			if h.told {
				log.Info("a table can be read again", zap.String("table", name), zap.Duration("after", now.Sub(h.since).Round(time.Millisecond)))
			}
		}
	}
	return due
}

// foundAside says what a look at a table found, and returns whether it may be tried now.
func (ts *Tables) foundAside(log *zap.Logger, name string, err error) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := time.Now()
	h := ts.asides[name]
	if !h.told && now.Sub(h.since) >= asideTold {
		h.told = true
		log.Warn("a table cannot be read now; its rows are set aside and sent once it can", zap.String("table", name), zap.String("error", h.err.Error()))
	}
	if mysqldb.Stuck(err) {
		h.err, h.pause = err, min(2*h.pause, asideMost)
		h.next = now.Add(h.pause)
		return false
	}
	h.trial, h.next = true, now.Add(asideTrial)
	return true
}
