package apply

import "time"

// patience limits how long the changes of a call are tried. Rows that the database refuses cost a few transactions each,
// while all senders wait. So once some were refused and time is up, the rest is returned untried. A nil patience never
// ends. It belongs to one goroutine.
type patience struct {
	now     func() time.Time
	until   time.Time
	failed  bool // a transaction has failed
	settled bool // some change has its result, so each call makes progress
	refused int  // changes in a row that were tried alone and refused
}

// newPatience limits how long a call tries its changes; 0 means one transaction for as many as fit.
func (a *Applier) newPatience(d time.Duration) *patience {
	return &patience{now: a.now, until: a.now().Add(d), settled: d == 0}
}

// over reports whether to return the rest.
func (p *patience) over() bool {
	return p != nil && p.failed && p.settled && !p.now().Before(p.until)
}

// wrote is called when changes were written, or wait.
func (p *patience) wrote() {
	if p != nil {
		p.settled, p.refused = true, 0
	}
}

// refuses is called when a change was refused.
func (p *patience) refuses() {
	if p != nil {
		p.settled = true
		p.refused++
	}
}

// hopeless reports whether that many changes are better not tried together: at least as many before them were refused, one after the
// other. It halves what it costs to refuse all of many.
func (p *patience) hopeless(changes int) bool { return p != nil && changes > 1 && changes <= p.refused }

// fails is called when a transaction has failed.
func (p *patience) fails() {
	if p != nil {
		p.failed = true
	}
}

// untried marks changes as untried.
func untried(tasks []*task) {
	for _, t := range tasks {
		t.res.Untried = true
	}
}
