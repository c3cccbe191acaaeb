package schema

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Timing for tables that cannot be read. A damaged table may look readable: that shows only when its rows are read, and
// then the pauses grow.
const (
	asideFirst = 50 * time.Millisecond
	asideMost  = time.Second      // between two looks
	asideAgain = 30 * time.Second // if it looked free each time and was not
	asideTrial = 3 * time.Second  // without an error, after which it is free
	asideTold  = 3 * time.Second  // after which it is logged
)

// aside is a table that cannot be read now: someone has locked it, or it is damaged.
type aside struct {
	since time.Time
	err   error
	told  bool
	trial bool // it looks free and is being read again
	pause time.Duration
	next  time.Time // when to look at it, or when it counts as free
}

// Aside is a table that cannot be read now, and since when.
type Aside struct {
	Table string
	Since time.Time
	Why   string
}

// SetAside sets a table aside if an error of reading it says that it cannot be read now, and returns whether it did. No
// one need retry before Free calls back; see Aside. Promise 5: other tables continue.
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
	case !h.trial: // another reader has run into it
		h.err = err
		return true
	case mysqldb.LockTimeout(err) && !mysqldb.LockTimeout(h.err): // a lock: a look reports those
		h.pause = asideFirst
	case mysqldb.LockTimeout(err): // unless it is on a table that this one follows
		h.pause = min(2*h.pause, asideMost)
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

// AllAside returns the tables that have been unreadable for some seconds, ordered by name.
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

// Free checks the tables that cannot be read, on behalf of all readers, and calls freed when one may be tried. It logs
// them, and runs until ctx ends.
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
			// It reads as all readers do. Other errors are for them to report.
			err := mysqldb.Each(ctx, ts.db.AtOnce(ts.db), "SELECT 1 FROM "+mysqldb.Quote(name)+" LIMIT 0", nil, nil)
			if ts.foundAside(log, name, err) {
				freed(name)
			}
		}
	}
}

// nextAside returns when the next check is due, or zero.
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

// dueAside returns the tables to check now, and forgets those that are free.
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

// foundAside records the result of checking a table, and returns whether it may be tried now.
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
