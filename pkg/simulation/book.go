package simulation

import "slices"

// answered queues an answer. One to an earlier process is for nobody.
func (s *sender) answered(a ack) {
	if a.session == s.n.session {
		s.answers = append(s.answers, a)
		s.wake()
	}
}

// book records what the remote answered since the last run.
func (s *sender) book(then func()) {
	var done, failed []*sent
	for _, a := range s.answers {
		f, ok := s.land(a.seq)
		if !ok {
			continue
		}
		f.stretch.close(len(f.changes))
		for i := range f.changes {
			if slices.Contains(a.failed, i) {
				failed = append(failed, &f.changes[i])
			} else {
				done = append(done, &f.changes[i])
			}
		}
	}
	s.answers = nil
	s.bookFailed(failed, func() { s.bookDone(done, then) })
}

func (s *sender) bookFailed(failed []*sent, then func()) {
	if len(failed) == 0 || s.n.w.mistake == DropRefused {
		then()
		return
	}
	s.write(func() {
		for _, c := range failed {
			s.n.after(s.outbox().fail(c, s.n.stream.token, s.n.w.now), s.wake)
		}
	}, then)
}

// bookDone takes marks that were sent and not made again since, and moves the
// position, at once; then it settles what was refused before.
func (s *sender) bookDone(done []*sent, then func()) {
	if len(done) == 0 {
		then()
		return
	}
	s.patience = answerTime
	at := s.reached()
	s.write(func() {
		for _, c := range done {
			if m := &s.outbox().marks[c.key]; c.marked && m.token == c.token {
				*m = mark{}
			}
		}
		s.outbox().acked = at
	}, func() {
		s.road.booked(at)
		s.write(func() { s.outbox().settle(done) }, then)
	})
}

// show books the position where no answer did.
func (s *sender) show() {
	at := s.reached()
	if at <= s.road.acked {
		s.rest()
		return
	}
	if wait := s.looked + showPeriod - s.n.w.now; wait > 0 {
		s.n.after(wait, s.wake)
		s.rest()
		return
	}
	s.looked = s.n.w.now
	s.write(func() { s.outbox().acked = at }, func() {
		s.road.booked(at)
		s.rest()
	})
}

// expire marks what was not answered in time, so that it does not hold up what
// comes after.
func (s *sender) expire(then func()) {
	var gone []flight
	for _, f := range slices.Clone(s.flights) {
		if s.n.w.now >= f.deadline {
			gone = append(gone, f)
			s.land(f.seq)
		}
	}
	if len(gone) == 0 {
		then()
		return
	}
	s.patience = min(2*s.patience, longestAnswer)
	s.write(func() {
		for _, f := range gone {
			for _, c := range f.changes {
				if f.stretch != nil && s.n.w.mistake != DropUnanswered {
					s.outbox().mark(c.key, s.n.stream.token())
				}
			}
		}
	}, func() {
		for _, f := range gone {
			f.stretch.close(len(f.changes))
		}
		then()
	})
}

// makeReady has refused rows tried again whose time has come; a new process does
// not know how long they have waited, and tries all.
func (s *sender) makeReady() {
	for key := range s.outbox().marks {
		if m := &s.outbox().marks[key]; m.waiting && (!s.begun || s.n.w.now >= m.retryAt) {
			m.waiting = false
		}
	}
	s.begun = true
}
