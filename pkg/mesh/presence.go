package mesh

import (
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	shortestLease = 5 * time.Second
	longestLease  = 10 * time.Minute

	// farthestAhead is how far ahead a clock may be for us to take it into account.
	farthestAhead = 24 * time.Hour

	// strangersKept bounds how many clients are remembered besides the known ones, however many names someone invents.
	// Promise 10.
	strangersKept = 10_000
)

// presence knows which clients are online: those whose lease has not expired. A lease runs by our own clock, from the
// moment its client was heard. It is safe for concurrent use.
type presence struct {
	now   func() time.Time
	known map[string]bool
	any   bool // remember others too

	mu        sync.Mutex
	leases    map[string]*lease
	strangers int // how many leases are of unknown clients
}

// lease is what is remembered about a client.
type lease struct {
	heard  time.Time
	until  time.Time     // by /info
	online bool          // as beat, here, lost and expire last reported
	ahead  time.Duration // see ahead
	behind time.Duration // see behind
	topic  topic         // its own: /here/{client}
	sites  int           // as it last said; see wire.Here
}

// end returns when the client is online no longer unless it is heard again.
func (l *lease) end() time.Time {
	if l.topic.until.After(l.until) {
		return l.topic.until
	}
	return l.until
}

// Client is how a client was last heard.
type Client struct {
	Name   string
	Online bool
	Heard  time.Time // when its last "connected" arrived
	Until  time.Time // when its lease ends; it ends early if the client says that it leaves
}

// newPresence remembers the known clients, and others only if anyone is true.
func newPresence(now func() time.Time, known []string, anyone bool) *presence {
	p := &presence{now: now, known: map[string]bool{}, any: anyone, leases: map[string]*lease{}}
	for _, client := range known {
		p.known[client] = true
	}
	return p
}

// beat records that a client says it is online until a time by its own clock. It reports whether the client was offline
// before.
func (p *presence) beat(client string, until time.Time) bool {
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
	came := !l.online || !now.Before(l.end())
	claim := until.Sub(now)
	l.heard, l.until, l.online, l.ahead, l.behind = now, now.Add(leaseTime(claim, interval)), true, 0, max(0, -claim)
	if claim > longestLease && claim <= farthestAhead {
		l.ahead = claim
	}
	return came
}

// ahead is Mesh.Ahead.
func (p *presence) ahead(client string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[client]; l != nil {
		return l.ahead
	}
	return 0
}

// behind is Mesh.Behind: the client's last beat said that it is online until a time already past. It is 0 for clients
// that are not online.
func (p *presence) behind(client string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[client]; l != nil && p.now().Before(l.end()) {
		return l.behind
	}
	return 0
}

// lost records that a client, or the broker on its behalf, says that it leaves. It reports whether the client was online.
func (p *presence) lost(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	if l == nil {
		return false
	}
	now := p.now()
	was := l.online && now.Before(l.end())
	// The time until it comes back is not an interval between two beats.
	l.heard, l.until, l.topic.until, l.topic.spoke, l.online = time.Time{}, now, now, time.Time{}, false
	return was
}

// here notes what a client says on its own topic. It reports whether that brings the client online, or takes it offline.
func (p *presence) here(client string, h wire.Here, retained bool) (came, left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	l := p.leases[client]
	if l == nil {
		if !p.admit(client) {
			return false, false
		}
		l = &lease{}
		p.leases[client] = l
	}
	was := l.online && now.Before(l.end())
	next, counts := l.topic.hears(h, retained, now)
	if l.topic = next; !counts {
		return false, false
	}
	if h.Gone {
		if l.heard = (time.Time{}); !retained { // a copy may be of a run before it came back with another version
			l.until = now
		}
		l.online = now.Before(l.end())
		return false, was && !l.online
	}
	l.sites = h.Sites
	if l.heard, l.online = now, true; !retained { // a copy says nothing about its sender's clock
		l.ahead, l.behind = 0, max(0, HereLease-h.Until.Sub(now))
		if d := h.Until.Sub(now) - HereLease; d > longestLease && d <= farthestAhead {
			l.ahead = d
		}
	}
	return !was, false
}

// sites returns the most sites that a known client has said to know, even if it is gone: the connection is lost.
func (p *presence) sites() (most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, l := range p.leases {
		if p.known[client] {
			most = max(most, l.sites)
		}
	}
	return most
}

// unheard notes that the connection is lost: from now on what the broker retains is not older than what was heard.
func (p *presence) unheard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.leases {
		l.topic.live, l.topic.heard, l.topic.spoke = false, false, time.Time{}
	}
}

// spoke notes that a client was heard on another topic, live.
func (p *presence) spoke(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	if l == nil && p.known[client] {
		l = &lease{}
		p.leases[client] = l
	}
	if l != nil && l.topic.spoke.IsZero() {
		l.topic.spoke = p.now()
	}
}

// isCopy reports whether a client is online only by what the broker has kept of its own topic.
func (p *presence) isCopy(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	return l != nil && !p.now().Before(l.until) && !l.topic.live
}

// wills reports whether a client that is online has its will on /info.
func (p *presence) wills() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for _, l := range p.leases {
		if l.topic.info && now.Before(l.topic.until) {
			return true
		}
	}
	return false
}

// judge reports whether a client's own topic does not reach us, and whether that is news; see topic.judge.
func (p *presence) judge(client string) (deaf, news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	if l == nil {
		return false, false
	}
	now, before := p.now(), l.topic.deaf
	l.topic = l.topic.judge(now.Before(l.end()), now)
	return l.topic.deaf, l.topic.deaf && !before
}

// onTopic returns what is known of a client by its own topic.
func (p *presence) onTopic(client string) topic {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.leases[client]; l != nil {
		return l.topic
	}
	return topic{}
}

// isOnTopic reports whether a client is online by what it says on its own topic.
func (p *presence) isOnTopic(client string) bool { return p.now().Before(p.onTopic(client).until) }

// isOnInfoOnly reports whether a client is online, but not by what it says on its own topic.
func (p *presence) isOnInfoOnly(client string) bool { return p.online(client) && !p.isOnTopic(client) }

// online reports whether a client has a current lease.
func (p *presence) online(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.leases[client]
	return l != nil && p.now().Before(l.end())
}

// expire returns the clients whose lease has expired since the last call.
func (p *presence) expire() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	var gone []string
	for client, l := range p.leases {
		if l.online && !now.Before(l.end()) {
			l.online, l.topic.spoke = false, time.Time{}
			gone = append(gone, client)
		}
	}
	return gone
}

// clients returns all remembered clients, in no particular order.
func (p *presence) clients() []Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	all := make([]Client, 0, len(p.leases))
	for name, l := range p.leases {
		all = append(all, Client{Name: name, Online: now.Before(l.end()), Heard: l.heard, Until: l.end()})
	}
	return all
}

// admit makes room for a new client, and reports whether to remember it.
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
	// Any other stranger gives way. Choosing, say, the one with the shortest lease would favor those that lie about theirs.
	for other := range p.leases {
		if !p.known[other] {
			delete(p.leases, other)
			break
		}
	}
	return true
}

// leaseTime returns how long a client counts as online after a beat. claim is how long it says, by a clock that may be
// off by hours; interval is the time since its previous beat, or 0. The longest of these counts, so that no wrong clock
// makes a live client look dead. A claim is capped at longestLease; an interval that long was an absence.
func leaseTime(claim, interval time.Duration) time.Duration {
	kept := interval * 5 / 2
	if kept > longestLease {
		kept = 0
	}
	return max(shortestLease, min(claim, longestLease), kept)
}
