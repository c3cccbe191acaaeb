package deliver

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// picks is how a sender chooses what to send next.
type picks struct {
	turn   int             // whose turn it is: the stream, the marks, or the tables being sent as a whole
	paused bool            // nothing is sent to the remote
	held   map[string]bool // tables of which no rows are sent to it, because they, or tables that they refer to, are paused
}

// lookAtPauses finds out what is paused. Rows on their way stay so: they are answered, or given up.
func (s *Sender) lookAtPauses() {
	if s.c.Paused == nil {
		return
	}
	before := s.held
	if s.paused, s.held = s.c.Paused(s.remote); !maps.Equal(before, s.held) {
		s.marks.found()
		s.tables.looked = time.Time{} // a table may be on its way as a whole
	}
}

// rest is a step while nothing is sent to the remote.
func (s *Sender) rest(ctx context.Context, told told) error {
	told.anew = false // that was done
	s.inbox.back(told)
	return s.show(ctx)
}

// holds reports whether a row of the stream is held back: its table is, or rows that were held back are still to be sent
// of one that it refers to. Sent now, rows would only be refused until those have arrived.
func (s *Sender) holds(ctx context.Context, table string) bool {
	return s.held[table] || len(s.road.kept) > 0 && s.waits(ctx, table)
}

// waits reports whether rows that were held back are still to be sent of a table that another refers to, at any depth.
// Tables that refer to each other do not wait for each other.
func (s *Sender) waits(ctx context.Context, table string) bool {
	for _, p := range s.above(ctx, table) {
		if _, kept := s.road.kept[p]; kept && p != table && s.c.Syncs(p) && s.to.Takes(p) && !slices.Contains(s.above(ctx, p), table) {
			return true
		}
	}
	return false
}

// above returns a table, and all that it refers to at any depth.
func (s *Sender) above(ctx context.Context, table string) []string {
	list := []string{table}
	for i := 0; i < len(list); i++ {
		for _, p := range s.c.Tables.Parents(ctx, list[i]) {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// holdBack records that rows of the stream are skipped although the remote would take them, and shows them as pending.
func (s *Sender) holdBack(ctx context.Context, rows []version.Waiting) error {
	r := &s.road
	var unshown []version.Waiting
	for i := range rows {
		w := &rows[i]
		if w.Position > r.Shown {
			unshown = append(unshown, *w)
		}
		if _, known := r.kept[w.Table]; known {
			continue
		}
		if err := s.keepFrom(ctx, w); err != nil {
			return err
		}
	}
	if len(unshown) == 0 {
		return nil
	}
	r.unsettled = true
	return s.c.Outbox.ShowPending(ctx, s.remote, unshown, outbox.Place{Acked: r.Acked, Shown: r.Shown})
}

// heldTables are the tables of which no marked rows are sent: by a pause, or because it is not known yet who has which. A row
// that was withdrawn meanwhile by what was known before would not come by its mark any more.
func (s *Sender) heldTables() []string {
	held := slices.Collect(maps.Keys(s.held))
	if s.c.Routes != nil {
		held = append(held, s.c.Routes.Unready()...)
	}
	slices.Sort(held)
	return held
}

// overtaken shows rows that were held back, and that the remote need not be sent any more, as what they are.
func (s *Sender) overtaken(ctx context.Context, rows []change.Row) error {
	if len(rows) == 0 {
		return nil
	}
	return s.c.Outbox.Overtaken(ctx, s.remote, rows)
}
