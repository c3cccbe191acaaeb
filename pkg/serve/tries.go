package serve

import (
	"maps"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// A source may be wrong triesMost times in a row, then once every tryEvery.
const (
	triesMost   = 5
	tryEvery    = 2 * time.Second
	sourcesMost = 1000 // tracked separately; all others count as one
)

// Tries counts the wrong tokens of each sender. It is the generic cell rate
// algorithm (ITU-T I.371), which keeps one time per sender. Its methods may be
// called from many goroutines.
type Tries struct {
	mu   sync.Mutex
	paid map[string]time.Time // when the wait for its wrong tokens is over
}

// NewTries returns a Tries that has counted none.
func NewTries() *Tries { return &Tries{paid: map[string]time.Time{}} }

// TooMany reports whether a sender must wait.
func (t *Tries) TooMany(source string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.paid[t.slot(source, now)].Sub(now) > (triesMost-1)*tryEvery
}

// Wrong counts a wrong token.
func (t *Tries) Wrong(source string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := t.slot(source, now)
	paid := t.paid[slot]
	if paid.Before(now) {
		paid = now
	}
	t.paid[slot] = paid.Add(tryEvery)
}

// slot returns the key under which a source is counted.
func (t *Tries) slot(source string, now time.Time) string {
	if _, ok := t.paid[source]; ok || len(t.paid) < sourcesMost {
		return source
	}
	maps.DeleteFunc(t.paid, func(_ string, paid time.Time) bool { return paid.Before(now) })
	if len(t.paid) < sourcesMost {
		return source
	}
	return "others"
}

// Sender names who sent a request, for Tries: its address, or for IPv6 its /64 network.
func Sender(r *http.Request) string { return source(r.RemoteAddr) }

// source names the sender of a request: its address, or for IPv6 its /64 network, which one machine may have to itself.
func source(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "others"
	}
	ip := a.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}
