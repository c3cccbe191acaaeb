package deliver

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// marks is a sender's place in the rows that are marked for its remote.
type marks struct {
	any    bool // there may be some
	due    bool // there may be some to send after this place
	after  int64
	looked time.Time // when it last started from the first
	asked  time.Time // when it was last checked whether there are any
}

// Intervals between checks whether there are marks: once there were some, and otherwise.
const (
	marksLook   = 5 * time.Second
	marksUntold = time.Minute
)

// found is called when there are rows to send, anywhere.
func (m *marks) found() { m.any, m.due, m.after = true, true, 0 }

// nextMarked returns rows that are marked for the remote, none of which is in flight. They are read from the last place
// on, and now and then from the first: rows that are marked again keep their place.
func (s *Sender) nextMarked(ctx context.Context) ([]outbox.Item, error) {
	m := &s.marks
	now := s.c.Now()
	anew := m.any && now.Sub(m.looked).Abs() > time.Second
	room := s.marksRoom()
	if !m.due && !anew || room == 0 {
		return nil, nil
	}
	if anew || m.after == 0 {
		m.looked, m.after = now, 0
	}
	limit := room
	if m.after == 0 {
		limit += s.InFlight()
	}
	moving := s.c.Routes != nil && s.c.Routes.Moving() // asked first: what is held or not marked yet while they move may be there after it
	list, err := s.c.Outbox.Next(ctx, s.remote, m.after, limit, s.heldTables())
	if err != nil {
		return nil, err
	}
	m.due = len(list) == limit
	if moving { // told once it is over
		if later := slices.IndexFunc(list, func(i outbox.Item) bool { return i.Position >= outbox.AfterOthers }); later >= 0 {
			list, m.due = list[:later], false
		}
	}
	var items []outbox.Item
	for _, i := range list {
		if len(items) == room {
			m.due = true
			break
		}
		m.after = i.Position
		if !s.flights.has(i.Row) {
			items = append(items, i)
		}
	}
	return items, nil
}

// troubledRows is how many marked rows are tried at a time while a table is troubled.
const troubledRows = 100

// marksRoom returns how many marked rows may be sent now. While a table is troubled these are only a few at a time:
// refusing them takes long, and the others wait for that.
func (s *Sender) marksRoom() int {
	troubled := false
	for table := range s.probes {
		troubled = troubled || s.probes.troubled(table)
	}
	if !troubled {
		return s.room()
	}
	for _, f := range s.flights.open {
		if f.stretch == nil && f.name.Seq > 0 {
			return 0
		}
	}
	return min(s.room(), troubledRows)
}
