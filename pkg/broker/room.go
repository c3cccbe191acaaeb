package broker

import (
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// What a user who is bound to a client may take of the broker, beside its topics: a stolen login of one site must not end the hub,
// nor keep the other sites out. The node's own is not limited. Promise 10.
const (
	sessionsMost = 8           // beside the one of its client
	filtersMost  = 8192        // of a session
	filterLength = 512         // bytes
	looseBytes   = messageCost // size of a message with QoS 0, which nobody acknowledges
	keptBytes    = 2 << 20     // size of a retained message
	heldBytes    = 4 << 20     // that a session has not acknowledged when it asks for more
	waitBytes    = 64 << 20    // that others have not acknowledged; later messages are dropped
	waitEvery    = 4 << 20     // how much it may send until they are counted again
	waitTime     = time.Second
	messageCost  = 8 << 10 // at least: mochi is slow with many
)

// wait is how much of a user's messages the broker holds.
type wait struct {
	mu      sync.Mutex
	since   int // bytes sent since it was counted
	counted time.Time
	full    bool
}

// takes reports whether another message may wait; now is the time, held counts the bytes that do.
func (w *wait) takes(bytes int, now time.Time, held func() int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since += bytes
	if w.since > waitEvery || w.full && now.Sub(w.counted) > waitTime {
		w.full, w.since, w.counted = held() > waitBytes, 0, now
	}
	return !w.full
}

// cost is how much a message takes of the broker's memory, roughly.
func cost(p *packets.Packet) int {
	return max(messageCost, len(p.Payload)+len(p.TopicName))
}

// from marks the messages of a user, whatever the client's identifier.
func from(username string) string { return "\x00" + username }

// held is how many bytes of such messages sessions have not acknowledged.
func held(c *mqtt.Client, match func(*packets.Packet) bool) (bytes int) {
	if c.State.Inflight.Len() == 0 {
		return 0
	}
	for _, p := range c.State.Inflight.GetAll(false) {
		if match(&p) {
			bytes += cost(&p)
		}
	}
	return bytes
}

// bounded returns a message as a bound user may publish it, and false if the broker drops it: it is acknowledged, and whoever sent it
// sends again, as when it is lost on the way.
func (g *gate) bounded(u *user, username string, p packets.Packet) (packets.Packet, bool) {
	p.Origin = from(username)
	if p.FixedHeader.Retain && len(p.Payload) > 0 && (len(p.Payload) > keptBytes || !slices.Contains(u.kept, p.TopicName)) {
		p.FixedHeader.Retain = false
	}
	if p.FixedHeader.Qos == 0 {
		return p, cost(&p) <= looseBytes
	}
	ok := u.wait.takes(cost(&p), time.Now(), func() (bytes int) {
		for _, c := range g.clients.GetAll() {
			bytes += held(c, func(x *packets.Packet) bool { return x.Origin == p.Origin || x.Origin == u.id }) // the latter is a will
		}
		return bytes
	})
	return p, ok
}

// OnWill has no one keep a will for later but that of a user's one client: mochi does not count those of the others as its own.
func (g *gate) OnWill(c *mqtt.Client, w mqtt.Will) (mqtt.Will, error) {
	if u := (*g.users.Load())[string(c.Properties.Username)]; u.limited() && c.ID != u.id {
		w.Qos = 0
	}
	return w, nil
}

// OnSubscribe bounds what a bound user may ask for. What it gets is to be acknowledged, so that mochi knows what it has; what it has
// not acknowledged by now was written to it already.
func (g *gate) OnSubscribe(c *mqtt.Client, p packets.Packet) packets.Packet {
	if u := (*g.users.Load())[string(c.Properties.Username)]; !u.limited() {
		return p
	}
	if held(c, func(*packets.Packet) bool { return true }) > heldBytes {
		c.ClearInflights()
	}
	p.Filters = slices.Clone(p.Filters)
	seen := map[string]bool{}
	room := filtersMost - c.State.Subscriptions.Len()
	for i := range p.Filters {
		f := &p.Filters[i]
		_, has := c.State.Subscriptions.Get(f.Filter)
		switch {
		case len(f.Filter) > filterLength, !has && !seen[f.Filter] && room <= 0:
			f.Filter = "" // refused
			continue
		case seen[f.Filter]:
			f.RetainHandling = 2 // once is enough
		case !has:
			room--
		}
		seen[f.Filter] = true
		f.Qos = max(f.Qos, 1)
	}
	return p
}

// OnClientExpired forgets the filters of a session that is over: mochi does not.
func (g *gate) OnClientExpired(c *mqtt.Client) { g.forget(c) }

// modest takes back what a client asked for in its CONNECT that would stay at the broker, or grow.
func (u *user) modest(c *mqtt.Client) {
	c.Properties.Props.TopicAliasMaximum = 0
	if !u.limited() {
		return
	}
	w := &c.Properties.Will
	w.User, w.WillDelayInterval = nil, 0 // a delayed one stays after its session
	w.Retain = w.Retain && slices.Contains(u.kept, w.TopicName)
}

// limited reports whether a user may take only so much.
func (u *user) limited() bool { return u.bound && !u.guest && !u.node }

// keeps are the topics on which a client may have messages retained; check asks on the last one whether the broker retains any.
func keeps(t wire.Topics, client string) []string {
	return []string{t.NodeOf(client), t.HereOf(client), t.VerifyOf(client, client)}
}
