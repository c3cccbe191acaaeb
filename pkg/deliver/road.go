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

// road is where a sender is in the stream: what was read of it lies between acked,
// which is booked, and taken. It is read once, in order; what is not answered in
// time, or is refused, is marked for the remote and thus off the road.
type road struct {
	opened       bool
	outbox.Place            // as sync_remotes has it, but that Shown may go back
	taken        int64      // up to here it was read
	stretches    []*stretch // read and not acked, in order
	unsettled    bool       // sync_status may say pending of rows that are due no more
	visible      int64      // the stream's end when pending rows were last shown
	looked       time.Time  // when that was

	// Rows on their way in an older version than the one, at this position, that
	// sync_status shows as pending. There are no more of them than are on their way.
	newer map[change.Row]int64
}

// stretch is a piece of the stream, or of tables, that was read at a time.
type stretch struct {
	open   int              // rows of it that are not answered
	upTo   int64            // position at which it ends
	pieces []snapshot.Piece // all of it, of tables that are sent as a whole
}

// close says that rows of the stretch are booked; rows that are not of the stream
// have none.
func (t *stretch) close(rows int) {
	if t != nil {
		t.open -= rows
	}
}

// reached returns the place up to which all is answered.
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

// booked says that a place is in sync_remotes.
func (r *road) booked(at outbox.Place) {
	r.Place = at
	r.stretches = slices.DeleteFunc(r.stretches, func(t *stretch) bool { return t.upTo <= at.Acked })
}

// shows says that a row that is on its way is shown as pending at a later place.
func (r *road) shows(w *version.Waiting) {
	if r.newer == nil {
		r.newer = map[change.Row]int64{}
	}
	r.newer[w.Identity()] = w.Position
}

// answered says that rows are about to be shown as the remote answered. Those that
// are shown as pending at a later place are shown so again.
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

// read says that the stream was read up to a position. What was passed over is part
// of the stretch before, so that there are no more of them than flights.
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

// back goes back to what is booked.
func (r *road) back() { r.taken, r.stretches, r.newer = r.Acked, nil, nil }

// cut ends a stretch, which is the last one, before the first row that was not
// read, since the rows before are large.
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

// open reads where the remote is, once.
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
	if s.kept, err = s.c.Outbox.Kept(ctx, s.remote); err != nil {
		return err
	}
	s.road = road{opened: true, Place: at, taken: at.Acked, unsettled: true}
	return nil
}

// nextStreamed returns rows of the stream that the remote needs. It reads once, or more
// often where what it reads is put aside: where it finds none and there is more, the sender
// comes back to it.
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
	items, passed, declined, stopped := s.pick(list)
	if stopped != 0 {
		upTo = stopped - 1
	} else if len(items) == 0 && upTo < end {
		s.inbox.wake()
	}
	if err := s.keepBack(ctx, declined); err != nil {
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

// pick returns those of the rows that the remote needs, the others, and those of tables
// that it does not take. It stops
// before a row that is on its way already, and returns its position, where one
// change of a row at a time must be: version 1 names it in its answer, and what a
// remote holds of a row that was transformed is known only then.
func (s *Sender) pick(list []version.Waiting) (items []outbox.Item, passed []change.Row, declined []version.Waiting, stopped int64) {
	single := s.to.Limits().Single
	items = make([]outbox.Item, 0, len(list))
	for i := range list {
		w := &list[i]
		if !s.needs(w) {
			passed = append(passed, w.Row)
			continue
		}
		if s.to.Declines(w.Table) {
			declined = append(declined, *w)
			continue
		}
		if s.flights.has(w.Row) && (single || s.c.Rows.Transforms(w.Table)) {
			return items, passed, declined, w.Position
		}
		items = append(items, outbox.Streamed(w))
	}
	return items, passed, declined, 0
}

// needs reports whether a row of the stream is news for the remote.
func (s *Sender) needs(w *version.Waiting) bool {
	return s.c.Syncs(w.Table) && outbox.Needs(s.remote, w.From, w.Version)
}
