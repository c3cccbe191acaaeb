package deliver

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// road is a sender's place in the stream: what it has read lies between acked, which is recorded, and taken. It reads
// once, in order; whatever is not answered in time, or is refused, is marked for the remote and thus off the road.
type road struct {
	opened       bool
	outbox.Place                  // as in sync_remotes, except that Shown may go back
	taken        int64            // read up to here
	stretches    []*stretch       // read but not acked, in order
	kept         map[string]int64 // tables whose rows are held back, each with the position from which on
	unsettled    bool             // sync_status may show rows as pending that are no longer due
	visible      int64            // end of the stream when pending rows were last shown
	seen         time.Time        // when that was
	looked       time.Time        // when it was last checked whether to show some
	passed       int64            // what was acked then

	// Rows in flight in a version older than the one, at this position, that sync_status shows as pending. There are no
	// more of them than are in flight.
	newer map[change.Row]int64
}

// stretch is a piece of the stream, or of tables, that was read at once.
type stretch struct {
	open   int              // rows without an answer
	upTo   int64            // position of its end
	pieces []snapshot.Piece // all its rows, if from tables that are sent as a whole
}

// close is called when rows of the stretch were recorded; rows outside the stream have none.
func (t *stretch) close(rows int) {
	if t != nil {
		t.open -= rows
	}
}

// reached returns the position up to which everything was answered.
func (r *road) reached() outbox.Place {
	at := r.Place
	for _, t := range r.stretches {
		if t.open > 0 {
			break
		}
		at.Acked = t.upTo
	}
	at.Shown = max(at.Shown, at.Acked)
	return at
}

// booked is called when a position was written to sync_remotes.
func (r *road) booked(at outbox.Place) {
	r.Place = at
	r.stretches = slices.DeleteFunc(r.stretches, func(t *stretch) bool { return t.upTo <= at.Acked })
}

// looks is called when it is checked whether pending rows are to be shown. It returns whether anything was acked since
// the last time.
func (r *road) looks(now time.Time) (moved bool) {
	moved = r.Acked > r.passed && !r.looked.IsZero()
	r.looked, r.passed = now, r.Acked
	return moved
}

// shows is called when a row in flight is shown as pending at a later position.
func (r *road) shows(w *version.Waiting) {
	if r.newer == nil {
		r.newer = map[change.Row]int64{}
	}
	r.newer[w.Identity()] = w.Position
}

// answered is called when rows are about to be shown as the remote answered. Those that were shown as pending at a
// later position are shown so again.
func (r *road) answered(sent []outbox.Sent) {
	if len(r.newer) == 0 {
		return
	}
	for i := range sent {
		at, ok := r.newer[sent[i].Identity()]
		if !ok {
			continue
		}
		delete(r.newer, sent[i].Identity())
		if sent[i].Position < at {
			r.Shown = min(r.Shown, at-1)
		}
	}
}

// read is called when the stream was read up to a position. Skipped rows are part of the previous stretch, so that
// there are no more stretches than flights.
func (r *road) read(upTo int64, rows int) *stretch {
	r.taken = upTo
	if n := len(r.stretches); n > 0 && rows == 0 && r.stretches[n-1].open == 0 {
		r.stretches[n-1].upTo = upTo
		return r.stretches[n-1]
	}
	t := &stretch{upTo: upTo, open: rows}
	r.stretches = append(r.stretches, t)
	return t
}

// back goes back to what was recorded.
func (r *road) back() { r.taken, r.stretches, r.newer = r.Acked, nil, nil }

// cut ends a stretch, the last one, before the first row that was not read because the rows before it are large.
func (s *Sender) cut(from *stretch, d *render.Rendering, items []outbox.Item) {
	read := map[change.Row]bool{}
	for r := range d.Rows() {
		read[r] = true
	}
	at := slices.IndexFunc(items, func(i outbox.Item) bool { return !read[i.Row] })
	if at < 0 {
		return
	}
	from.open = at
	if from.pieces != nil {
		from.pieces = s.tables.transfer.Cut(from.pieces, at)
	} else {
		s.road.taken = items[at].Position - 1
		from.upTo = s.road.taken
	}
	for _, i := range items[at:] {
		delete(read, i.Row)
	}
	d.Keep(func(r change.Row) bool { return read[r] })
}

// open reads the remote's position, once.
func (s *Sender) open(ctx context.Context) error {
	if s.road.opened {
		return nil
	}
	at, err := s.c.Outbox.PlaceOf(ctx, s.remote)
	if err != nil {
		return err
	}
	if err := s.note(ctx, math.MaxInt); err != nil {
		return err
	}
	kept, err := s.c.Outbox.Kept(ctx, s.remote)
	if err != nil {
		return err
	}
	s.road = road{opened: true, Place: at, taken: at.Acked, kept: kept, unsettled: true}
	return nil
}

// nextStreamed returns rows of the stream that the remote needs. It reads once, or more often if everything it reads is
// put aside; if it finds none but there is more, the sender comes back to it.
func (s *Sender) nextStreamed(ctx context.Context) (items []outbox.Item, from *stretch, err error) {
	for range asideReads {
		var aside bool
		if items, from, aside, err = s.readStream(ctx); err != nil || len(items) > 0 || !aside {
			break
		}
	}
	return items, from, err
}

func (s *Sender) readStream(ctx context.Context) (items []outbox.Item, from *stretch, aside bool, err error) {
	r := &s.road
	end, err := s.c.Stream.Visible(ctx)
	if err != nil || r.taken >= end {
		return nil, nil, false, err
	}
	limit := s.room()
	list, err := s.c.Stream.Read(ctx, r.taken, end, limit)
	if err != nil {
		return nil, nil, false, err
	}
	upTo := end
	if len(list) == limit {
		upTo = list[limit-1].Position
	}
	items, passed, declined, held, stopped := s.pick(ctx, list)
	if stopped != 0 {
		upTo = stopped - 1
	} else if len(items) == 0 && upTo < end {
		s.inbox.wake()
	}
	if err := s.keepBack(ctx, declined); err != nil {
		return nil, nil, false, err
	}
	if err := s.holdBack(ctx, held); err != nil {
		return nil, nil, false, err
	}
	if len(passed) > 0 && r.unsettled {
		if err := s.c.Outbox.Overtaken(ctx, s.remote, passed); err != nil {
			return nil, nil, false, err
		}
	}
	picked := len(items)
	if items, err = s.putAside(ctx, items); err != nil {
		return nil, nil, false, err
	}
	return items, r.read(upTo, len(items)), len(items) < picked, nil
}

// pick returns the rows that the remote needs, the others, those of tables that it does not accept, and those that are
// held back. If only one change per row may be in flight, it stops before a row that already is, and returns its
// position: version 1 names the row in its answer, and only then is it known under which id a remote has a transformed
// row. So it does before a row that is to be held back: the answer to the earlier version would show it as sent.
func (s *Sender) pick(ctx context.Context, list []version.Waiting) (items []outbox.Item, passed []change.Row, declined, held []version.Waiting, stopped int64) {
	single := s.to.Limits().Single
	items = make([]outbox.Item, 0, len(list))
	heldBack := map[string]bool{}
	for i := range list {
		w := &list[i]
		if !s.needs(w) {
			passed = append(passed, w.Row)
			continue
		}
		if s.declines(w.Table) {
			declined = append(declined, *w)
			continue
		}
		holds, known := heldBack[w.Table]
		if !known {
			holds = s.holds(ctx, w.Table)
			heldBack[w.Table] = holds
		}
		if s.flights.has(w.Row) && (single || holds || s.c.Rows.Transforms(w.Table)) {
			return items, passed, declined, held, w.Position
		}
		if holds {
			held = append(held, *w)
			continue
		}
		items = append(items, outbox.Streamed(w))
	}
	return items, passed, declined, held, 0
}

// needs reports whether a row of the stream is news for the remote.
func (s *Sender) needs(w *version.Waiting) bool {
	return s.c.Syncs(w.Table) && outbox.Needs(s.remote, w.From, w.Version) && (s.c.Routes == nil || s.unknown(w.Table) || s.c.Routes.To(w.Table, w.Label, s.remote))
}

// declines reports whether rows of a table are held back: the remote does not accept them, or it is not known yet which
// are for whom.
func (s *Sender) declines(table string) bool { return s.to.Declines(table) || s.unknown(table) }

func (s *Sender) unknown(table string) bool { return s.c.Routes != nil && !s.c.Routes.Ready(table) }
