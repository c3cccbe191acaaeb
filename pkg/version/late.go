package version

import (
	"cmp"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// What a Stream remembers. Of more rows at a time, a round trip is not what reading them costs. Promise 10. After a moment the database
// has the word again: it may have been restored from a backup.
const (
	lateMost = 64
	lateTime = time.Second
)

// late is the end of the stream as it is in the database, as long as all who write versions say what they have written. So a
// sender that is there need not read what capture has just recorded. The zero value knows nothing. It is not written before the COMMIT is
// answered, and forgets all when one is not: whoever dies loses nothing that the database does not have. Promise 1.
type late struct {
	known bool
	after int64     // rows has those of all ended transactions that have a later position
	rows  []lateRow // in no order
}

type lateRow struct {
	Waiting
	at time.Time // when it was written
}

// wrote notes what a transaction has written.
func (l *late) wrote(entries []Entry, now time.Time) {
	for i := range entries {
		e := &entries[i]
		l.rows = slices.DeleteFunc(l.rows, func(r lateRow) bool { return r.Identity() == e.Identity() }) // it is at the end now
		l.rows = append(l.rows, lateRow{Waiting{Row: change.Stored(e.Table, e.ID(), []byte(e.Key)), State: e.State, Position: e.Position, From: e.From}, now})
	}
	for len(l.rows) > lateMost {
		l.forget(slices.MinFunc(l.rows, func(a, b lateRow) int { return cmp.Compare(a.Position, b.Position) }).Position)
	}
}

// forget forgets the rows up to a position.
func (l *late) forget(upTo int64) {
	l.rows = slices.DeleteFunc(l.rows, func(r lateRow) bool { return r.Position <= upTo })
	l.after = max(l.after, upTo)
}

// plain reports whether an entry is what is read of it. The database keeps a position if it is given none, and shortens what is long.
// It also keeps a label, which no one looks at but where the table is routed: see Hold.
func (e *Entry) plain() bool {
	return e.Position > 0 && e.Token == 0 && e.Label == 0 && e.Made == nil && e.Counts == nil && len(e.Seen) <= maxSeen
}

// Wrote says what the transaction writes to sync_versions, which must be all of it. One of which that is not said may have written
// anything.
func (w *Writing) Wrote(entries []Entry) { w.wrote, w.told = entries, true }

// remember notes what a transaction has written. The stream is locked.
func (s *Stream) remember(w *Writing) {
	if s.late.known && w.told && !w.held && len(w.wrote) <= lateMost && !slices.ContainsFunc(w.wrote, func(e Entry) bool { return !e.plain() }) {
		s.late.wrote(w.wrote, s.now())
		return
	}
	s.late = late{known: true, after: s.next - 1}
}

// Remembered is Read without the database, if all that it would find was written just now.
func (s *Stream) Remembered(after, upTo int64, limit int) (list []Waiting, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, r := range slices.Clone(s.late.rows) {
		if now.Sub(r.at).Abs() > lateTime {
			s.late.forget(r.Position)
		}
	}
	if !s.late.known || after < s.late.after {
		return nil, false
	}
	for _, r := range s.late.rows {
		if r.Position > after && r.Position <= upTo {
			list = append(list, r.Waiting)
		}
	}
	slices.SortFunc(list, func(a, b Waiting) int { return cmp.Compare(a.Position, b.Position) })
	return list[:min(len(list), limit)], true
}
