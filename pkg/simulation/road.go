package simulation

import (
	"cmp"
	"slices"
)

// road is where a sender is in the stream, as in the daemon: between acked, which
// is booked, and taken.
type road struct {
	acked     int64
	taken     int64
	stretches []*stretch // read and not acked, in order
}

// stretch is a piece of the stream that was read at a time.
type stretch struct {
	open int // rows that are not answered
	upTo int64
}

func (t *stretch) close(rows int) {
	if t != nil {
		t.open -= rows
	}
}

// reached returns the position up to which all is answered.
func (s *sender) reached() int64 {
	at := s.road.acked
	for _, t := range s.road.stretches {
		if t.open > 0 && s.n.w.mistake == BookLastAcked {
			continue
		}
		if t.open > 0 {
			break
		}
		at = t.upTo
	}
	return at
}

// booked says that a position is in the database.
func (r *road) booked(at int64) {
	r.acked = at
	r.stretches = slices.DeleteFunc(r.stretches, func(t *stretch) bool { return t.upTo <= at })
}

// nextStreamed finds rows of the stream that the remote needs.
func (s *sender) nextStreamed(then func(list []sent, from *stretch)) {
	s.n.visible(func(end int64) { s.readStream(end, then) })
}

func (s *sender) readStream(end int64, then func(list []sent, from *stretch)) {
	r := &s.road
	if r.taken >= end {
		then(nil, nil)
		return
	}
	s.n.step(func() {
		keys := s.n.db.stream(r.taken, end, batchRows)
		upTo := end
		if len(keys) == batchRows {
			upTo = s.n.db.versions[keys[batchRows-1]].position
		}
		list, stopped := s.pick(keys)
		if stopped != 0 {
			upTo = stopped - 1
		}
		t := &stretch{upTo: upTo, open: len(list)}
		r.taken, r.stretches = upTo, append(r.stretches, t)
		if len(list) > 0 || stopped != 0 {
			then(list, t)
			return
		}
		s.readStream(end, then)
	})
}

// pick returns those of the rows that the remote needs, with their versions. It
// stops before one that is on its way, where that matters.
func (s *sender) pick(keys []int) (list []sent, stopped int64) {
	for _, key := range keys {
		v := s.n.db.versions[key]
		if !s.needs(&v) {
			continue
		}
		if s.inFlight[key] > 0 && s.n.w.single {
			return list, v.position
		}
		c := sent{key: key, stands: v.stands, token: v.position}
		c.State = v.State
		list = append(list, c)
	}
	return list, 0
}

// needs reports whether a row of the stream is news for the remote, as the
// daemon's needs does.
func (s *sender) needs(v *known) bool {
	name := s.peer().name
	return v.from == "" || v.from != name && (v.Version.IsDecided() || v.Version.Author() != name)
}

// marked returns rows that are marked for the remote, none of them on its way
// already.
func (s *sender) marked() []sent {
	marks := s.outbox().marks
	var list []sent
	for key, m := range marks {
		if m.token != 0 && !m.waiting && s.inFlight[key] == 0 {
			list = append(list, sent{key: key, marked: true, token: m.token})
		}
	}
	slices.SortFunc(list, func(a, b sent) int { return cmp.Compare(marks[a.key].position, marks[b.key].position) })
	return list[:min(len(list), batchRows)]
}
