package mesh

import (
	"sync"
	"time"
)

const (
	shortestLease = 5 * time.Second
	longestLease  = 10 * time.Minute

	// farthestAhead is how far a clock may be ahead for us to speak by it.
	farthestAhead = 24 * time.Hour

	// strangersKept bounds how many clients are remembered beside the known ones, whoever invents names. Promise 10.
	strangersKept = 10_000
)

// presence knows which clients are online: those whose lease has not run out. A lease is counted by our own clock, from
// the moment at which its client was heard. Its methods may be called from any goroutine.
type presence struct {
	now   func() time.Time
	known map[string]bool
	any   bool

	mu        sync.Mutex
	leases    map[string]*lease
	strangers int // how many of leases are not known
}

// lease is what is remembered of a client.
type lease struct {
	heard  time.Time
	until  time.Time
	online bool          // as last reported
	ahead  time.Duration // see Ahead
	behind time.Duration // see Behind
}

// Client is what presence tells about one client.
type Client struct {
	Name   string
	Online bool
	Heard  time.Time // when its last "connected" came
	Until  time.Time // when its lease ends; it ends earlier when the client says that it leaves
}

// newPresence remembers the known clients, and others only where anyone is true.
func newPresence(now func() time.Time, known []string, anyone bool) *presence {
	p := &presence{now: now, known: map[string]bool{}, any: anyone, leases: map[string]*lease{}}
	for _, client := range known {
		p.known[client] = true
	}
	return p
}

// Beat notes that a client said that it is there until a time of its own clock. It tells whether the client has come
// online by this.
func (p *presence) Beat(client string, until time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	l := p.leases[client]
	if l == nil {
		if !p.admit(client) {
			return false
		}
		l = &lease{}
		p.leases[client] = l
	}
	var interval time.Duration
	if !l.heard.IsZero() {
		interval = now.Sub(l.heard)
	}
	came := !l.online || !now.Before(l.until)
	claim := until.Sub(now)
	l.heard, l.until, l.online, l.ahead, l.behind = now, now.Add(leaseTime(claim, interval)), true, 0, max(0, -claim)
	if claim > longestLease && claim <= farthestAhead {
		l.ahead = claim
	}
	return came
}

// Ahead returns by how much, at most, a client's clock is ahead of ours, as its last beat shows, or 0 where that may as
// well be a long lease. Existing peers refuse what is dated before their own start.
func (p *presence) Ahead(client string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[client]; l != nil {
		return l.ahead
	}
	return 0
}

// Behind returns by how much, at least, a client's clock is behind ours, or its messages are late, as its last beat shows:
// it said that it is there until a time that was over. It is 0 for who is not online.
func (p *presence) Behind(client string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[client]; l != nil && p.now().Before(l.until) {
		return l.behind
	}
	return 0
}

// Lost notes that a client said, or the broker for it, that it leaves. It tells whether the client was online.
func (p *presence) Lost(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	if l == nil {
		return false
	}
	now := p.now()
	was := l.online && now.Before(l.until)
	// What passes until it comes back is no interval between two beats.
	l.heard, l.until, l.online = time.Time{}, now, false
	return was
}

// Online tells whether a client's lease runs.
func (p *presence) Online(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	return l != nil && p.now().Before(l.until)
}

// Expire returns the clients whose lease has run out since it was last called, each once.
func (p *presence) Expire() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	var gone []string
	for client, l := range p.leases {
		if l.online && !now.Before(l.until) {
			l.online = false
			gone = append(gone, client)
		}
	}
	return gone
}

// NextExpiry returns when the next lease runs out, and false when none runs: the time at which to call Expire.
func (p *presence) NextExpiry() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var next time.Time
	for _, l := range p.leases {
		if l.online && (next.IsZero() || l.until.Before(next)) {
			next = l.until
		}
	}
	return next, !next.IsZero()
}

// Clients returns all that are remembered, in no order.
func (p *presence) Clients() []Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	all := make([]Client, 0, len(p.leases))
	for name, l := range p.leases {
		all = append(all, Client{Name: name, Online: now.Before(l.until), Heard: l.heard, Until: l.until})
	}
	return all
}

// admit makes room for a new client, and tells whether it is to be remembered.
func (p *presence) admit(client string) bool {
	if p.known[client] {
		return true
	}
	if !p.any {
		return false
	}
	if p.strangers < strangersKept {
		p.strangers++
		return true
	}
	// Any other stranger gives way. To choose, say, the one with the shortest lease would leave the room to those who
	// lie about theirs.
	for other := range p.leases {
		if !p.known[other] {
			delete(p.leases, other)
			break
		}
	}
	return true
}

// leaseTime is how long a client counts as online after a beat. claim is how long it says, by a clock that may be wrong
// by hours, and interval the time since its beat before, 0 when there was none. The longest of what speaks for a live
// client counts, so that no wrong clock makes one look dead; a claim cannot be longer than longestLease, and an
// interval that would be was an absence.
func leaseTime(claim, interval time.Duration) time.Duration {
	kept := interval * 5 / 2
	if kept > longestLease {
		kept = 0
	}
	return max(shortestLease, min(claim, longestLease), kept)
}
