package simulation

import "slices"

// stream is what version.Stream holds in memory.
type stream struct {
	next  int64
	open  []*writing // that may still commit
	doubt []*writing // that ended, and the daemon does not know how
}

// writing is a transaction of the daemon.
type writing struct {
	first  int64 // position; 0: none
	keys   []int // whose versions it writes
	locked []int // rows
	commit func()
	over   bool // the server knows how it ended
}

// openStream begins the stream of a new process: not before the transactions of
// the process before have ended, and after all that remotes have acked, whatever
// the clock says.
func (n *node) openStream(then func()) {
	if len(n.hanging) > 0 && n.w.mistake != NoFenceAtStart {
		n.step(func() { n.openStream(then) })
		return
	}
	n.stream = stream{next: n.clock()}
	for _, v := range n.db.versions {
		n.stream.next = max(n.stream.next, v.position+1)
	}
	for _, r := range n.db.remotes {
		if n.w.mistake != ForgetPlaces {
			n.stream.next = max(n.stream.next, r.acked+1)
		}
	}
	for i := range n.db.remotes {
		if r := &n.db.remotes[i]; !r.registered {
			r.registered, r.acked = true, n.stream.next-1
		}
	}
	then()
}

// token returns a number of the sequence.
func (s *stream) token() int64 {
	s.next++
	return s.next - 1
}

// positions returns the first of some positions that follow each other.
func (s *stream) positions(w *writing, count int) int64 {
	first := s.next
	s.next += int64(count)
	if w.first == 0 {
		w.first = first
		s.open = append(s.open, w)
	}
	return first
}

func (s *stream) end(w *writing) { s.open = without(s.open, w) }

// visible finds the position up to which all there will ever be can be read.
func (n *node) visible(then func(end int64)) {
	n.settle(func() {
		end := n.stream.next
		for _, w := range n.stream.open {
			if n.w.mistake != ReadPastOpen {
				end = min(end, w.first)
			}
		}
		then(end - 1)
	})
}

// settle waits for the end of the transactions that are in doubt.
func (n *node) settle(then func()) {
	s := &n.stream
	if slices.ContainsFunc(s.doubt, func(w *writing) bool { return !w.over }) {
		n.step(func() { n.settle(then) })
		return
	}
	for _, w := range s.doubt {
		s.end(w)
	}
	s.doubt = nil
	then()
}

// finish commits a transaction. Sometimes the answer is lost: the server commits
// it later, or rolls it back, and the daemon does not know.
func (n *node) finish(w *writing, done func(ok bool)) {
	n.committing = append(n.committing, w)
	n.step(func() {
		n.committing = without(n.committing, w)
		if n.w.lost() {
			n.hang(w)
			n.after(n.w.random(second), n.wake) // senders look each second
			if n.w.mistake == IgnoreDoubt {
				n.stream.end(w)
			} else {
				n.stream.doubt = append(n.stream.doubt, w)
			}
			done(false)
			return
		}
		w.commit()
		n.unlock(w.locked)
		n.stream.end(w)
		done(true)
	})
}

// hang leaves a transaction to the server, which has yet to read its COMMIT, or
// to see that there is none.
func (n *node) hang(w *writing) {
	n.hanging = append(n.hanging, w)
	life := n.life
	n.w.after(n.w.random(50*n.w.tempo.step), func() {
		if n.life != life {
			return // the server was killed, and has rolled it back
		}
		n.hanging = without(n.hanging, w)
		n.unlock(w.locked)
		w.over = true
		if n.w.r.IntN(2) == 0 {
			n.w.trace("%s: a COMMIT arrives that was not answered", n.name)
			w.commit()
		}
	})
}

// blocked reports whether a transaction that hangs has written a version of the
// keys, or a change of theirs.
func (n *node) blocked(keys []int) bool {
	return slices.ContainsFunc(n.hanging, func(w *writing) bool {
		return slices.ContainsFunc(keys, func(key int) bool { return slices.Contains(w.keys, key) })
	})
}

// latch waits until nobody else decides about the rows, as latch.Rows does.
func (n *node) latch(keys []int, then func()) {
	if slices.ContainsFunc(keys, func(key int) bool { return n.latched[key] }) {
		n.step(func() { n.latch(keys, then) })
		return
	}
	for _, key := range keys {
		n.latched[key] = true
	}
	then()
}

func (n *node) unlatch(keys []int) {
	for _, key := range keys {
		n.latched[key] = false
	}
}

func (n *node) unlock(keys []int) {
	for _, key := range keys {
		n.locks[key] = free
	}
}

func without(list []*writing, w *writing) []*writing {
	return slices.DeleteFunc(list, func(x *writing) bool { return x == w })
}
