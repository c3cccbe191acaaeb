package status

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// How often the database is pinged, and how long it may take to answer.
const (
	pulseEvery = time.Second
	pulseTime  = 3 * time.Second
)

// Pulse tracks whether the node's database answers. It is safe for concurrent use.
type Pulse struct {
	mu      sync.Mutex
	link    Link
	missed  int                                   // pings in a row
	waiting map[*context.CancelCauseFunc]struct{} // called when it does not answer
}

// NewPulse returns the pulse of a database that has not been asked yet.
func NewPulse(address string, now time.Time) *Pulse {
	return &Pulse{link: Link{Address: address, Since: now}, waiting: map[*context.CancelCauseFunc]struct{}{}}
}

// away is the error of a database that does not answer: since when, and why.
type away struct{ Link }

func (a away) Error() string {
	return fmt.Sprintf("the database at %s has been unreachable since %s%s", a.Address, moment(a.Since), because(a.Link.Error))
}

// while returns a context that ends, with an away as its cause, once the database misses
// two pings in a row (one miss may just be load), or at once if it is away already. The
// caller must call done.
func (p *Pulse) while(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.link.Online {
		cancel(away{p.link})
	}
	p.waiting[&cancel] = struct{}{}
	return ctx, func() {
		p.mu.Lock()
		delete(p.waiting, &cancel)
		p.mu.Unlock()
		cancel(nil)
	}
}

// read returns the state of the connection.
func (p *Pulse) read() Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link
}

// answers records that the database answers, and its version.
func (p *Pulse) answers(now time.Time, version string) {
	p.mu.Lock()
	p.link.Server = version
	p.mu.Unlock()
	p.note(now, nil)
}

// note records that the database has answered, or why it has not.
func (p *Pulse) note(now time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if online := err == nil; online != p.link.Online {
		p.link.Online, p.link.Since = online, now
	}
	p.link.Error = ""
	if err == nil {
		p.missed = 0
		return
	}
	p.link.Error = err.Error()
	if p.missed++; p.missed > 1 {
		for cancel := range p.waiting {
			(*cancel)(away{p.link})
		}
	}
}
