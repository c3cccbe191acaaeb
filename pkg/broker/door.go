package broker

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Before login, anyone may be connecting. Such a connection is kept for a limited time, and their number is limited per address
// and overall; when one more comes, the one that has waited longest is closed. A client that knows its password needs only a
// moment, so no crowd of strangers can keep it out.
const (
	helloTime   = 10 * time.Second
	guestsOfOne = 16
	guestsMost  = 128
)

// door keeps the guests: connections that have not logged in yet.
type door struct {
	log      *zap.Logger
	patience time.Duration // how long a guest may stay one

	mu     sync.Mutex
	guests []*guest // the one that has waited longest first
	closed bool
}

// guest is a connection before its login, from its first byte on, whether it speaks TLS, HTTP or MQTT.
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

// add notes a guest, and returns the one that must go for it: the guest itself, once the door is closed.
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

// drop forgets a guest that has logged in or gone.
func (d *door) drop(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := slices.Index(d.guests, g); at >= 0 {
		d.guests = slices.Delete(d.guests, at, at+1)
		g.timer.Stop()
	}
}

// shut sends all guests away, now and later.
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

// letIn lets a connection stay: its client has logged in.
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

// source names the other end of a connection: its address, or for IPv6 its /64 network, all of which one machine may
// have.
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
