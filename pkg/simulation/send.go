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
	showPeriod    = second
)

// sent is a change on the wire, with the write that it carries.
type sent struct {
	apply.Incoming
	key    int
	write  int
	stands int   // the write that its version was made for
	marked bool  // it stands in the outbox
	token  int64 // of the mark; else its position in the stream
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

// flight is what was sent and not answered.
type flight struct {
	batch
	stretch  *stretch // nil: marked rows
	deadline int64
}

// sender moves rows to one remote, as the daemon's does.
type sender struct {
	n        *node
	slot     int
	busy     bool
	woken    bool // since it began to look for work
	road     road
	turn     int
	looked   int64 // when it last showed what is pending
	anew     bool  // what is on its way may be lost
	begun    bool
	inFlight []int // flights of each key
	flights  []flight
	answers  []ack
	seq      int
	patience int64
}

func newSender(n *node, slot int) *sender {
	acked := n.db.remotes[slot].acked
	return &sender{n: n, slot: slot, road: road{acked: acked, taken: acked}, looked: n.w.now, inFlight: make([]int, n.w.keys), patience: answerTime}
}

func (s *sender) peer() *node { return s.n.w.nodes[s.n.remotes[s.slot]] }

// outbox returns what the database has for the remote.
func (s *sender) outbox() *remote { return &s.n.db.remotes[s.slot] }

func (s *sender) wake() {
	s.woken = true
	if !s.busy {
		s.busy = true
		s.n.step(s.run)
	}
}

// run books what was answered and sends what there is room for, as the daemon's
// step does.
func (s *sender) run() {
	s.woken = false
	s.book(func() {
		if s.anew {
			s.anew = false
			s.drop()
		}
		s.expire(func() {
			s.makeReady()
			s.fill()
		})
	})
}

// rest ends a run.
func (s *sender) rest() {
	s.busy = false
	if s.woken {
		s.wake()
	}
}

// write commits something, after which comes then. If the answer is lost, all
// that is on its way is forgotten, and the sender begins anew a while later.
func (s *sender) write(do, then func()) {
	s.n.step(func() {
		lost := s.n.w.lost()
		if !lost || s.n.w.r.IntN(2) == 0 {
			do()
		}
		if lost {
			s.drop()
			s.n.after(second, s.run)
			return
		}
		then()
	})
}

// fill sends while there is room.
func (s *sender) fill() {
	if len(s.flights) >= batchWindow {
		s.show()
		return
	}
	s.next(2, func(list []sent, from *stretch) {
		if len(list) == 0 {
			s.show()
			return
		}
		s.send(list, from)
	})
}

// next finds rows of the stream and marked ones, in turns.
func (s *sender) next(tries int, then func(list []sent, from *stretch)) {
	found := func(list []sent, from *stretch) {
		if len(list) > 0 || tries == 1 {
			then(list, from)
			return
		}
		s.next(tries-1, then)
	}
	if s.turn++; s.turn%2 == 0 {
		s.nextStreamed(found)
	} else {
		s.n.step(func() { found(s.marked(), nil) })
	}
}

// send reads the rows after the versions: a row is never older than the version
// it goes under. Rows of the stream were read with theirs.
func (s *sender) send(list []sent, from *stretch) {
	first, second := s.readVersions, s.readRows
	if s.n.w.mistake == RowBeforeVersion {
		first, second = second, first
	}
	s.n.step(func() {
		first(list)
		s.n.step(func() {
			second(list)
			s.n.step(func() { s.publish(list, from) })
		})
	})
}

func (s *sender) readVersions(list []sent) {
	for i := range list {
		c := &list[i]
		if c.Version.IsZero() || s.n.w.mistake == RowBeforeVersion {
			v := s.n.db.versions[c.key]
			c.State, c.stands = v.State, v.stands
		}
		if c.Version.IsZero() {
			c.Version = change.Version{Time: change.Baseline, Origin: s.n.name}
		}
	}
}

// columns makes a change one that is no delete. What the row holds is its write.
var columns = []string{"id"}

func (s *sender) readRows(list []sent) {
	for i := range list {
		r := s.n.db.rows[list[i].key]
		list[i].Row, list[i].From, list[i].write = s.n.row(list[i].key), s.n.name, r.write
		if r.exists {
			list[i].Columns = columns
		}
	}
}

func (s *sender) publish(list []sent, from *stretch) {
	s.seq++
	b := batch{from: s, session: s.n.session, seq: s.seq, changes: list}
	for _, c := range list {
		s.inFlight[c.key]++
		if c.write != c.stands && c.write != none {
			s.n.w.history[c.write].early = true
		}
		s.n.w.trace("%s sends %s to %s: %d as %v, marked %v, %d", s.n.name, c.Key, s.peer().name, c.write, c.State, c.marked, c.token)
	}
	s.flights = append(s.flights, flight{b, from, s.n.w.now + s.patience})
	s.n.w.rowsSent += len(list)
	s.n.w.send(s.n, s.peer(), func() { s.peer().receive(b) })
	s.n.after(s.patience, s.wake)
	s.fill()
}

// land takes a flight out of the air, if it is there.
func (s *sender) land(seq int) (flight, bool) {
	i := slices.IndexFunc(s.flights, func(f flight) bool { return f.seq == seq })
	if i < 0 {
		return flight{}, false
	}
	f := s.flights[i]
	s.flights = slices.Delete(s.flights, i, i+1)
	for _, c := range f.changes {
		s.inFlight[c.key]--
	}
	return f, true
}

// lose has the sender forget what is on its way, as when the remote connects anew.
func (s *sender) lose() {
	s.anew = true
	s.wake()
}

// drop forgets what is on its way; it is still due and will be read anew.
func (s *sender) drop() {
	s.flights = nil
	clear(s.inFlight)
	if s.n.w.mistake != StayAtLoss {
		s.road.taken, s.road.stretches = s.road.acked, nil
	}
}
