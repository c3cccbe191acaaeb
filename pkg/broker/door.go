package broker

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Who has not logged in yet may be anybody. Such a connection is kept for a time, so many are of one address, and so many of all;
// when one more comes, the one that has waited longest goes. A client that knows its password needs a moment, and so gets in
// beside any crowd that does not.
const (
	helloTime   = 10 * time.Second
	guestsOfOne = 16
	guestsMost  = 128
)

// door keeps the guests: those who are connected and have not logged in.
type door struct {
	log      *zap.Logger
	patience time.Duration // how long a guest may be one

	mu     sync.Mutex
	guests []*guest // who has waited longest first
	closed bool
}

// guest is a connection until its login, from its first byte on: whatever is spoken over it, TLS, HTTP or MQTT.
type guest struct {
	net.Conn
	door  *door
	from  string
	timer *time.Timer
}

// admit makes a connection a guest.
func (d *door) admit(c net.Conn) *guest {
	g := &guest{Conn: c, door: d, from: source(c.RemoteAddr())}
	leaves := d.add(g)
	if leaves == nil {
		return g
	}
	if leaves != g {
		d.log.Warn("closed a connection without a login to make room for another", zap.String("address", leaves.RemoteAddr().String()), zap.String("for", c.RemoteAddr().String()))
	}
	_ = leaves.Close()
	return g
}

// add notes a guest, and returns who has to go for it: the guest itself once the door is closed.
func (d *door) add(g *guest) (leaves *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return g
	}
	same := 0
	for _, o := range d.guests {
		if o.from == g.from {
			same++
			if leaves == nil {
				leaves = o
			}
		}
	}
	switch {
	case same >= guestsOfOne:
	case len(d.guests) >= guestsMost:
		leaves = d.guests[0]
	default:
		leaves = nil
	}
	d.guests = append(d.guests, g)
	g.timer = time.AfterFunc(d.patience, func() { _ = g.Close() })
	return leaves
}

// drop forgets a guest, who has logged in or gone.
func (d *door) drop(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := slices.Index(d.guests, g); at >= 0 {
		d.guests = slices.Delete(d.guests, at, at+1)
		g.timer.Stop()
	}
}

// shut sends all guests away, and those who come later.
func (d *door) shut() {
	d.mu.Lock()
	d.closed = true
	guests := slices.Clone(d.guests)
	d.mu.Unlock()
	for _, g := range guests {
		_ = g.Close()
	}
}

// Close ends the connection.
func (g *guest) Close() error {
	g.door.drop(g)
	return g.Conn.Close()
}

// letIn has a connection stay: its client has logged in.
func letIn(c net.Conn) {
	for {
		switch x := c.(type) {
		case *guest:
			x.door.drop(x)
			return
		case interface{ NetConn() net.Conn }: // what is spoken over it, as tls.Conn
			c = x.NetConn()
		default:
			return
		}
	}
}

// source names who is connected: the address, of IPv6 its network of 64 bits, which one machine may have as a whole.
func source(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String()
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}
