package daemon

import "time"

// When rows of a table are tried again that a remote refused. What they wait for is mostly
// the same for many, so that some of them tell of all: while none of these goes through, no
// more are tried, at growing intervals; the more go through, the more follow at once. What
// waits thus costs the same whatever there is of it. Few rows are tried each at its time.
const (
	probeRows   = 20
	probeMost   = 4 * batchRows
	probeAll    = batchRows // once it is likely that some can go through
	soonFirst   = time.Second
	soonLongest = 30 * time.Second
	lateFirst   = 10 * time.Second
	lateLongest = time.Hour
)

// probe is how the waiting rows of a table are tried. Its zero value has none.
type probe struct {
	due    time.Time // when the next are tried; zero: not before something is heard
	rows   int       // how many
	any    bool      // they need not be due
	many   bool      // there are more rows than were tried at a time
	failed int       // how often in a row all that were tried were refused

	refusing int // rows of the table that were refused since one was taken, tried again or not
}

// after returns the interval before a row, or rows of a table, are tried once more; soon
// says that it may go through without anybody's doing.
func after(failures int, soon bool) time.Duration {
	first, longest := lateFirst, lateLongest
	if soon {
		first, longest = soonFirst, soonLongest
	}
	return min(first<<min(failures, 16), longest)
}

// refused says that a row was refused that was not tried before, or that is tried each at
// its time.
func (p *probe) refused(due time.Time) {
	if !p.many && (p.due.IsZero() || due.Before(p.due)) {
		p.due = due
	}
}

// answered says what became of rows that were tried again; soon says that some of those
// that were refused may go through without anybody's doing.
func (p *probe) answered(passed, refused int, soon bool, now time.Time) {
	switch {
	case passed > 0:
		p.rows, p.failed, p.any = min(max(probeRows, 2*passed), probeMost), 0, true
		p.due = now
	case refused > 0 && p.many:
		p.rows, p.any = probeRows, false
		p.failed++
		p.due = now.Add(after(p.failed, soon))
	}
}

// hopeful says that something has changed that rows may have waited for.
func (p *probe) hopeful(now time.Time) {
	*p = probe{due: now, rows: probeAll, any: true}
}

// next returns how many rows are to be tried now, and whether they need not be due.
func (p *probe) next(now time.Time) (rows int, any bool) {
	if p.due.IsZero() || p.due.After(now) {
		return 0, false
	}
	return max(p.rows, probeRows), p.any
}

// tried says that as many rows as next returned were looked for, how many were found, and when
// the next is due by itself, if there is one.
func (p *probe) tried(found int, next time.Time, more bool, now time.Time) {
	p.many = more && found >= max(p.rows, probeRows)
	p.any = false
	switch {
	case !more:
		p.due = time.Time{}
	case p.many: // by what becomes of these; nothing may be heard of them
		p.due = now.Add(answerTime)
	default:
		p.due = next
	}
}
