package testkit

import (
	"net"
	"sync"
	"time"
)

// Proxy is a stretch of network between a client and a server that a test can disrupt. It forwards bytes unchanged.
// Its methods may be called from several goroutines.
type Proxy struct {
	target   string
	listener net.Listener
	wait     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // both ends of each connection
	state proxyState
	news  chan struct{} // closed and replaced when state changes
}

// proxyState is what the network is like.
type proxyState struct {
	cut, blackhole, closed bool
	delay                  time.Duration
}

// NewProxy listens on a free port and forwards each connection to target, a host:port. It ends with the test.
func NewProxy(tb TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		tb.Fatalf("start a proxy: %v", err)
	}
	p := &Proxy{target: target, listener: l, conns: map[net.Conn]bool{}, news: make(chan struct{})}
	p.wait.Go(p.serve)
	tb.Cleanup(p.close)
	return p
}

// Addr is the host:port to which clients connect in place of the target.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut closes all connections and every new one at once, until Restore.
func (p *Proxy) Cut() {
	p.set(func(s *proxyState) { s.cut = true })
	p.CloseAll()
}

// Restore undoes Cut, Blackhole and Delay. Bytes held back by a black hole then arrive, as they do when a route is
// back.
func (p *Proxy) Restore() { p.set(func(s *proxyState) { *s = proxyState{closed: s.closed} }) }

// Blackhole keeps all connections open and lets nothing pass; new ones are accepted and stay silent.
func (p *Proxy) Blackhole(on bool) { p.set(func(s *proxyState) { s.blackhole = on }) }

// Delay makes all bytes arrive later by d, in both directions. Order and rate do not change.
func (p *Proxy) Delay(d time.Duration) { p.set(func(s *proxyState) { s.delay = d }) }

// CloseAll closes all connections once. Clients may reconnect at once.
func (p *Proxy) CloseAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.set(func(s *proxyState) { s.closed = true })
	p.CloseAll()
	p.wait.Wait()
}

func (p *Proxy) set(change func(*proxyState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.state)
	close(p.news)
	p.news = make(chan struct{})
}

func (p *Proxy) look() (proxyState, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.news
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.carry(client) })
	}
}

// carry forwards one connection until one end closes it.
func (p *Proxy) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	if !p.enter(client) {
		return
	}
	defer p.leave(client)
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.enter(server) {
		return
	}
	defer p.leave(server)

	var both sync.WaitGroup
	both.Go(func() { p.pump(client, server) })
	both.Go(func() { p.pump(server, client) })
	both.Wait()
}

// enter registers a connection for CloseAll. It reports false when the network is cut.
func (p *Proxy) enter(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.cut || p.state.closed {
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) leave(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// parcel is what was read at one time.
type parcel struct {
	bytes []byte
	read  time.Time
}

// pump forwards one direction until it ends, then closes both ends. It reads and writes
// concurrently, so that a delay does not slow reading down.
func (p *Proxy) pump(from, to net.Conn) {
	parcels := make(chan parcel, 1024) // Bytes in flight; when full it slows the sender down, as a network does.
	gone := make(chan struct{})
	var reader sync.WaitGroup
	defer func() {
		close(gone)
		_ = from.Close()
		_ = to.Close()
		reader.Wait()
	}()
	reader.Go(func() {
		defer close(parcels)
		for {
			buffer := make([]byte, 32*1024)
			n, err := from.Read(buffer)
			if n > 0 {
				select {
				case parcels <- parcel{buffer[:n], time.Now()}:
				case <-gone:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for parcel := range parcels {
		if !p.hold(parcel) {
			return
		}
		if _, err := to.Write(parcel.bytes); err != nil {
			return
		}
	}
}

// hold waits until a parcel may arrive. It reports false when the proxy has ended.
func (p *Proxy) hold(x parcel) bool {
	for {
		s, news := p.look()
		if s.closed {
			return false
		}
		var due <-chan time.Time
		if !s.blackhole {
			rest := time.Until(x.read.Add(s.delay))
			if rest <= 0 {
				return true
			}
			due = time.After(rest)
		}
		select {
		case <-due:
			return true
		case <-news:
		}
	}
}
