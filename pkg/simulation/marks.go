package simulation

// mark marks a key for the remote, as outbox.Mark does: a mark that is there
// keeps its place.
func (r *remote) mark(key int, token int64) {
	m := &r.marks[key]
	if m.token == 0 {
		m.position = token
	}
	m.token, m.waiting, m.attempts = token, false, 0
}

// fail has a change that was refused wait, as outbox.Fail does, and returns for
// how long. A mark that was made since what was refused was read stays as it is.
func (r *remote) fail(c *sent, token func() int64, now int64) int64 {
	m := &r.marks[c.key]
	switch {
	case !c.marked && m.token == 0:
		*m = mark{position: c.token, token: c.token}
	case !c.marked:
		m.token, m.attempts = token(), 0
	case m.token != c.token:
		return 0
	}
	m.waiting = true
	m.attempts++
	wait := int64(second) << min(m.attempts, 6)
	m.retryAt = now + wait
	return wait
}

// settle takes the marks of changes of the stream that were acked, if they are of
// older ones, as outbox.Settle does.
func (r *remote) settle(acked []*sent) {
	first := int64(0)
	for _, c := range acked {
		if !c.marked && (first == 0 || c.token < first) {
			first = c.token
		}
	}
	for _, c := range acked {
		if m := &r.marks[c.key]; !c.marked && m.token <= first {
			*m = mark{}
		}
	}
}
