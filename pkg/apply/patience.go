package apply

import "time"

// patience is how long the changes of a call are tried. Rows that the database refuses cost a few transactions each, and all who send
// wait meanwhile. So once some were refused, and it is over, what is left is handed back as it came. nil has no end. It belongs to one
// goroutine.
type patience struct {
	until   time.Time
	failed  bool // a transaction did
	settled bool // some change has its result: each call comes further
}

// newPatience is for a call of which the changes are tried for so long; 0 is one transaction for what may be in one.
func newPatience(d time.Duration) *patience {
	return &patience{until: time.Now().Add(d), settled: d == 0}
}

// over reports whether what is left is handed back.
func (p *patience) over() bool {
	return p != nil && p.failed && p.settled && !time.Now().Before(p.until)
}

// done says that changes have their results.
func (p *patience) done() {
	if p != nil {
		p.settled = true
	}
}

// fails says that a transaction has failed.
func (p *patience) fails() {
	if p != nil {
		p.failed = true
	}
}

// untried hands changes back.
func untried(tasks []*task) {
	for _, t := range tasks {
		t.res.Untried = true
	}
}
