package trigger

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// A table that someone holds gets its triggers later, and no other table waits for that, at startup or while running.
// Until then its writes are not captured: its rows are sent once the triggers exist. A table that was never captured is
// not sent before that, so that no row has to be sent twice.

// heldMost is the longest pause between two attempts. Users' statements queue behind each attempt for as long as it
// takes.
const heldMost = 30 * time.Second

// holds has the tables whose triggers cannot be created because someone holds them.
type holds struct {
	log      *zap.Logger
	now      func() time.Time
	interval time.Duration // between two attempts, at first
	list     map[place]*hold
}

type hold struct {
	why   error
	pause time.Duration
	next  time.Time // when to try again
}

// rests returns why a table cannot be tried yet, or nil if it is time.
func (h *holds) rests(p place) error {
	if one := h.list[p]; one != nil && h.now().Before(one.next) {
		return one.why
	}
	return nil
}

// note remembers the tables that someone holds, and reports each once.
func (h *holds) note(held map[place]error) {
	for p := range h.list {
		if held[p] == nil {
			delete(h.list, p)
		}
	}
	for p, why := range held {
		one := h.list[p]
		if one == nil {
			one = &hold{pause: h.interval}
			h.list[p] = one
			h.log.Warn("cannot create a table's triggers while it is locked; its writes are not captured until then, and are sent afterwards",
				zap.String("table", p.shown()), zap.Error(why))
		} else if h.now().Before(one.next) {
			continue // it was not tried
		} else {
			one.pause = min(2*one.pause, heldMost)
		}
		one.why, one.next = why, h.now().Add(one.pause)
	}
}

// uncaptured returns the synced tables whose writes are not all captured while the triggers of held tables cannot be
// created: a parent's triggers also record what its cascades do to other tables.
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

// below returns the tables that foreign keys can change when a row of the parent changes.
func below(parent place, keys []schema.ForeignKey) []place {
	found := []place{parent}
	for i := 0; i < len(found); i++ {
		for _, f := range keys {
			if parentOf(f) == found[i] && !slices.Contains(found, childOf(f)) {
				found = append(found, childOf(f))
			}
		}
	}
	return found[1:]
}
