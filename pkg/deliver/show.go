package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// How many rows are shown as pending, per second: at full speed, rows are acked soon after they are sent.
const (
	showRows   = 1000
	showIdle   = 2 // times showRows, for an offline remote
	showPeriod = time.Second
	showMoving = 5 * time.Second // for a remote that acks other rows meanwhile
)

// show makes sync_status show which rows of the stream have been due for a second, and records the position if no
// answer did: until then, a row that is acked at once need not be shown as pending. While the remote acks one row after
// the other, its next ones are shown only once they have been due for a few seconds: on a busy machine, acks often take
// longer than one, and each row would be written twice.
func (s *Sender) show(ctx context.Context) error {
	r := &s.road
	now := s.c.Now()
	if since := now.Sub(r.looked); since >= 0 && since < showPeriod {
		return nil
	}
	if at := r.reached(); at.Acked > r.Acked {
		if _, err := s.c.Outbox.Done(ctx, s.remote, nil, &at, false); err != nil {
			return err
		}
		r.booked(at)
	}
	end, err := s.c.Stream.Visible(ctx)
	if err != nil {
		return err
	}
	if r.taken >= end && len(r.stretches) == 0 && len(s.held) == 0 {
		r.unsettled = false
	}
	moving := r.looks(now) && s.online && !s.paused
	if since := now.Sub(r.seen); moving && since >= 0 && since < showMoving {
		return nil
	}
	upTo := r.visible
	r.visible, r.seen = end, now
	chunks := showIdle
	if s.online && !s.paused {
		chunks = 1
	}
	for ; chunks > 0 && r.Shown < upTo; chunks-- {
		list, err := s.c.Stream.Read(ctx, r.Shown, upTo, showRows)
		if err != nil {
			return err
		}
		last := upTo
		if len(list) == showRows {
			last = list[showRows-1].Position
		}
		list = slices.DeleteFunc(list, func(w version.Waiting) bool {
			return !s.needs(&w) || s.declines(w.Table) || w.Position <= r.taken && !s.flights.has(w.Row) // already answered
		})
		for i := range list {
			if w := &list[i]; w.Position > r.taken && s.flights.has(w.Row) {
				r.shows(w)
			}
		}
		if len(list) > 0 {
			r.unsettled = true
			if err := s.c.Outbox.ShowPending(ctx, s.remote, list, outbox.Place{Acked: r.Acked, Shown: last}); err != nil {
				return err
			}
		}
		r.Shown = last
	}
	return nil
}
