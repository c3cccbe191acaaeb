package capture

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// A table that somebody holds gets its triggers later, and no other waits for that, be it as
// the node starts or while it runs. Until then its writes are not captured: what was written
// is sent once the triggers stand, and a table that was never captured is not sent before, so
// that none of its rows need be sent twice.

// heldMost is the longest pause between two tries. Behind each the users' statements wait for
// as long as it does.
const heldMost = 30 * time.Second

// hold is a table that somebody holds.
type hold struct {
	why   error
	pause time.Duration
	next  time.Time // when it is asked for again
}

// rests returns why it is not time yet to ask for a table again, or nil.
func (w *Watcher) rests(p place) error {
	if h := w.holds[p]; h != nil && w.now().Before(h.next) {
		return h.why
	}
	return nil
}

// noteHolds remembers the tables that could not be had, and tells of them once.
func (w *Watcher) noteHolds(held map[place]error) {
	for p := range w.holds {
		if held[p] == nil {
			delete(w.holds, p)
		}
	}
	for p, why := range held {
		h := w.holds[p]
		if h == nil {
			h = &hold{pause: w.Interval}
			w.holds[p] = h
			w.log.Warn("cannot create a table's triggers while it is locked; its writes are not captured until then, and are sent afterwards",
				zap.String("table", p.shown()), zap.Error(why))
		} else if w.now().Before(h.next) {
			continue // it was not asked for
		} else {
			h.pause = min(2*h.pause, heldMost)
		}
		h.why, h.next = why, w.now().Add(h.pause)
	}
}

// uncaptured returns those of the synced tables whose writes are not all captured while the
// triggers of held tables cannot be made: a parent's note what its deletes take along.
func uncaptured(held map[place]error, own string, tables []*schema.Table, keys []schema.ForeignKey) []string {
	var names []string
	for p := range held {
		if p.schema == "" {
			p.schema = own
		}
		lacking := append(below(p, keys), p)
		for _, t := range tables {
			if slices.Contains(lacking, place{own, t.Name}) {
				names = append(names, t.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Captures reports whether the triggers of a synced table stand, as far as is known. It may
// be called from any goroutine.
func (w *Watcher) Captures(table string) bool {
	return !slices.Contains(w.Uncaptured(), table)
}

// Uncaptured returns the synced tables whose triggers cannot be made, since somebody holds
// them or a parent. It may be called from any goroutine.
func (w *Watcher) Uncaptured() []string { return *w.lacking.Load() }

// noteCaptured notes which tables are not captured, and has the rows of those that are again be
// sent once more: what was done about it before may have been too early. Promise 1.
func (w *Watcher) noteCaptured(ctx context.Context, lacking []string) error {
	w.lacking.Store(&lacking)
	for table := range w.fresh {
		if !slices.Contains(lacking, table) {
			delete(w.fresh, table)
		}
	}
	for table := range w.recorded {
		if slices.Contains(lacking, table) {
			continue
		}
		if err := w.record(ctx, table); err != nil {
			return err
		}
		delete(w.recorded, table)
	}
	return nil
}

// findFresh finds out, at the first look, which of the tables that could not be had as the
// node started were never captured: nothing of them was missed.
func (w *Watcher) findFresh(ctx context.Context, tables []*schema.Table, standing map[string]standing) error {
	for _, t := range tables {
		if w.Captures(t.Name) || w.known[t.Name] != nil {
			continue
		}
		before, err := unseenBefore(ctx, w.db, t, standing)
		if err != nil {
			return err
		}
		if !before {
			w.fresh[t.Name] = true
		}
	}
	return nil
}
