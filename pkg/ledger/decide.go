package ledger

// row is what the ledger knows of a key. Decisions about it are pure functions: a row and news in, the row and effects on
// the outbox out.
type row struct {
	id       int64 // 0: a new one
	acked    State
	remoteID string
	pending  bool  // next differs from what was acked: it waits, is in flight, or was refused or dismissed
	next     State // the newest state, if pending
	waits    int64 // the number of the newest outbox entry, in flight or not; 0: none
	refused  int64 // the number under which next was refused; 0: it was not
	cameFrom string
}

// newest is the state that the destination will have once everything in the outbox is sent, or that it has refused.
func (r *row) newest() State {
	if r.pending {
		return r.next
	}
	return r.acked
}

// gone reports whether the key can be forgotten.
func (r *row) gone() bool {
	return !r.acked.There && r.waits == 0 && r.refused == 0 && !r.newest().There
}

// acks is the row once the destination has its newest state, if that is one to have.
func (r row) acks() row {
	if r.pending && r.next.There {
		r.acked, r.pending, r.next, r.waits = r.next, false, State{}, 0
	}
	return r
}

// effects are what a decision does besides changing the row. Numbers are those of outbox entries; 0 is none.
type effects struct {
	put    bool     // put the newest state into the outbox: over the entry that waits, or as a new one
	fresh  bool     // it is a new one, which needs a number
	drop   [2]int64 // drop these entries
	move   int64    // this entry takes the place of the one that was in flight
	refuse bool     // move the entry that was in flight to the refused ones
	later  bool     // it stays where it is
	forget int64    // forget this refused one
}

func (e *effects) drops(number int64) {
	if e.drop[0] == 0 {
		e.drop[0] = number
	} else {
		e.drop[1] = number
	}
}

// fill decides about a new state of a key. flying says that an entry of the key is in flight, newestFlies that it is the
// newest one.
func fill(r row, to State, cameFrom string, flying, newestFlies bool) (row, effects) {
	var e effects
	if r.newest().is(to) {
		return r, e
	}
	e.forget, r.refused = r.refused, 0
	r.cameFrom = cameFrom
	if !flying && r.acked.is(to) { // it is back to what it was before the waiting state
		e.drops(r.waits)
		r.waits, r.pending, r.next = 0, false, State{}
		return r, e
	}
	e.put = true
	e.fresh = r.waits == 0 || newestFlies
	r.pending, r.next = true, to
	return r, e
}

// had decides about a state that came from the destination itself: there is nothing to send, and a waiting state is
// older. newestFlies says that the waiting one is in flight.
func had(r row, to State, cameFrom string, newestFlies bool) (row, effects) {
	var e effects
	e.forget, r.refused = r.refused, 0
	if r.waits != 0 && !newestFlies {
		e.drops(r.waits)
		r.waits = 0
	}
	r.acked, r.cameFrom, r.pending, r.next = to, cameFrom, false, State{}
	if r.waits != 0 { // its answer must not undo the state that came back meanwhile
		r.pending, r.next = true, to
	}
	return r, e
}

// book decides about the answer for the entry with the given number, which was in flight with the state sent.
func book(r row, number int64, sent State, a Answer) (row, effects) {
	var e effects
	newest := r.waits == number
	switch {
	case a.Later && newest:
		e.later = true
	case a.Later: // the newer state takes the older one's place, since the watermark is behind that
		e.move, r.waits = r.waits, number
	case a.Refused != "" && newest:
		r.waits, r.refused = 0, number
		e.refuse = true
	case a.Refused != "":
		e.drops(number)
	default:
		e.drops(number)
		r.acked = sent
		if !sent.There {
			r.remoteID = ""
		} else if a.RemoteID != "" {
			r.remoteID = a.RemoteID
		}
		if newest {
			r.waits, r.pending, r.next = 0, false, State{}
		}
	}
	return settle(r, e)
}

// settle withdraws a waiting state if the destination already has it. No entry of the key may be in flight.
func settle(r row, e effects) (row, effects) {
	if r.waits == 0 || !r.acked.is(r.newest()) {
		return r, e
	}
	e.drops(r.waits)
	if e.move != 0 {
		e.drops(e.move)
	}
	e.move, e.later = 0, false
	r.waits, r.pending, r.next = 0, false, State{}
	return r, e
}

// adopt decides about the state of a key that was found at the destination.
func adopt(r row, found State, remoteID, cameFrom string, flying bool) (row, effects) {
	var e effects
	r.acked, r.remoteID = found, remoteID
	if cameFrom != "" {
		r.cameFrom = cameFrom
	}
	if r.pending && r.waits == 0 && r.acked.is(r.next) { // refused or dismissed, but there nevertheless
		e.forget, r.refused = r.refused, 0
		r.pending, r.next = false, State{}
	}
	if flying {
		return r, e
	}
	return settle(r, e)
}
