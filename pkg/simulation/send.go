package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// The daemon's bounds of what is on its way to one remote, with batches of few
// rows: more of them meet.
const (
	batchRows     = 3
	batchWindow   = 4
	second        = 1_000_000
	answerTime    = 20 * second
	longestAnswer = 300 * second
)

// sent is a change on the wire, with the write that it carries.
type sent struct {
	apply.Incoming
	key   int
	write int
	token int64 // of the mark that it answers
}

// batch is a message of changes, ack its answer.
type batch struct {
	from         *sender
	session, seq int
	changes      []sent
}

type ack struct {
	session, seq int
	failed       []int // indexes of the batch's changes
}

// sender moves rows from the outbox to one remote, as the daemon's does.
type sender struct {
	n        *node
	slot     int
	busy     bool
	inFlight []bool // by key
	flights  []batch
	seq      int
	patience int64
}

func (s *sender) peer() *node { return s.n.w.nodes[s.n.remotes[s.slot]] }

func (s *sender) wake() {
	if !s.busy {
		s.busy = true
		s.n.step(s.items)
	}
}

// items reads what the remote needs, and the tokens.
func (s *sender) items() {
	var list []sent
	if len(s.flights) < batchWindow {
		for key, m := range s.n.db.outbox[s.slot] {
			if m.token != 0 && !m.waiting && !s.inFlight[key] && len(list) < batchRows {
				list = append(list, sent{key: key, token: m.token})
			}
		}
	}
	if len(list) == 0 {
		s.busy = false
		return
	}
	first, second := s.readVersions, s.readRows
	if s.n.w.mistake == RowBeforeVersion {
		first, second = second, first
	}
	stands := make([]int, len(list))
	s.n.step(func() {
		first(list, stands)
		s.n.step(func() {
			second(list, stands)
			s.n.step(func() { s.publish(list, stands) })
		})
	})
}

// readVersions reads the versions before the rows: a row is never older than
// the version it goes under. stands is what the versions were made for.
func (s *sender) readVersions(list []sent, stands []int) {
	for i := range list {
		list[i].State = s.n.db.states[list[i].key]
		stands[i] = s.n.db.stands[list[i].key]
		if list[i].Version.IsZero() {
			list[i].Version = change.Version{Time: change.Baseline, Origin: s.n.name}
		}
	}
}

// columns makes a change one that is no delete. What the row holds is its write.
var columns = []string{"id"}

func (s *sender) readRows(list []sent, _ []int) {
	for i := range list {
		r := s.n.db.rows[list[i].key]
		list[i].Row, list[i].From, list[i].write = s.n.row(list[i].key), s.n.name, r.write
		if r.exists {
			list[i].Columns = columns
		}
	}
}

func (s *sender) publish(list []sent, stands []int) {
	s.seq++
	b := batch{from: s, session: s.n.session, seq: s.seq, changes: list}
	for i, c := range list {
		s.inFlight[c.key] = true
		if c.write != stands[i] && c.write != none {
			s.n.w.history[c.write].early = true
		}
		if s.n.w.mistake == ForgetFlightAtKill {
			s.n.db.outbox[s.slot][c.key] = mark{}
		}
		s.n.w.trace("%s sends %s to %s: %d as %v", s.n.name, c.Key, s.peer().name, c.write, c.State)
	}
	s.flights = append(s.flights, b)
	s.n.w.rowsSent += len(list)
	s.n.w.send(s.n, s.peer(), func() { s.peer().receive(b) })
	s.n.after(s.patience, func() { s.expire(b.seq) })
	s.items()
}

// land takes a batch out of the air, if it is there.
func (s *sender) land(seq int) (batch, bool) {
	i := slices.IndexFunc(s.flights, func(b batch) bool { return b.seq == seq })
	if i < 0 {
		return batch{}, false
	}
	b := s.flights[i]
	s.flights = slices.Delete(s.flights, i, i+1)
	for _, c := range b.changes {
		s.inFlight[c.key] = false
	}
	return b, true
}

func (s *sender) expire(seq int) {
	if _, ok := s.land(seq); ok {
		s.patience = min(2*s.patience, longestAnswer)
		s.wake()
	}
}

// lose forgets what is in the air, as when the connection is lost.
func (s *sender) lose() {
	s.flights = nil
	clear(s.inFlight)
	s.wake()
}

// answered books an ack.
func (s *sender) answered(a ack) {
	if a.session != s.n.session {
		return
	}
	b, ok := s.land(a.seq)
	if !ok {
		return
	}
	s.patience = answerTime
	for i, c := range b.changes {
		m := &s.n.db.outbox[s.slot][c.key]
		switch {
		case m.token != c.token && s.n.w.mistake != AckIgnoresToken:
		case slices.Contains(a.failed, i):
			m.waiting = true
			m.attempts++
			s.retry(c.key)
		default:
			*m = mark{}
		}
	}
	s.wake()
}

// retry makes a row that was refused ready again, after a while.
func (s *sender) retry(key int) {
	s.n.after(second<<min(s.n.db.outbox[s.slot][key].attempts, 6), func() {
		s.n.db.outbox[s.slot][key].waiting = false
		s.wake()
	})
}
