package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"reflect"
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Broker is an MQTT 3.1.1 and 5 broker. It runs once.
type Broker struct {
	log   *zap.Logger
	c     config.Broker
	tls   *tls.Config // nil: plain
	cert  atomic.Pointer[tls.Certificate]
	ready chan struct{} // closed when addr is set
	addr  string
	door  *door

	mu     sync.Mutex
	gate   *gate
	server *mqtt.Server // nil: it does not run yet
}

// New returns a broker and reads its certificate. It starts nothing.
func New(log *zap.Logger, c config.Broker) (*Broker, error) {
	log = bounded(log)
	b := &Broker{log: log, c: c, ready: make(chan struct{}), door: &door{log: log, patience: helloTime}}
	if c.Cert != "" || c.Key != "" {
		if err := b.certify(c); err != nil {
			return nil, err
		}
		b.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return b.cert.Load(), nil }}
	}
	return b, nil
}

// certify reads the certificate.
func (b *Broker) certify(c config.Broker) error {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return fmt.Errorf("read the broker's certificate: %w", err)
	}
	b.cert.Store(&pair)
	return nil
}

// Renew gives a running broker other users and reads its certificate again, without closing a connection, except those of users
// who are gone or have another password or other rights. It reports whether that is all that the configuration asks for: if not,
// nothing is changed, and another broker has to take this one's place. With an error, the certificate stays as it was.
func (b *Broker) Renew(c config.Broker) (ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.c
	now.Users, now.Hub = c.Users, c.Hub
	if b.server == nil || !reflect.DeepEqual(now, c) || (len(b.c.Users) == 0) != (len(c.Users) == 0) {
		return false, nil
	}
	b.c = c
	before := *b.gate.users.Load()
	b.gate.admit(&c) // before anyone is sent away, who would come again
	users := *b.gate.users.Load()
	for _, client := range b.server.Clients.GetAll() {
		name := string(client.Properties.Username)
		if u, known := users[name]; client.Net.Inline || len(users) == 0 || known && u.same(before[name]) {
			continue
		}
		b.log.Info("disconnected a client whose login has ended or changed", zap.String("username", wire.Shorten(name, nameLength)))
		_ = b.server.DisconnectClient(client, packets.ErrNotAuthorized) // it may be gone already
		b.server.UnsubscribeClient(client)
		b.server.Clients.Delete(client.ID) // with what waits for it
	}
	if b.tls != nil { // last: a user whose login has ended is sent away all the same
		err = b.certify(c)
	}
	return true, err
}

// Addr waits until the broker listens and returns its host:port. The error is ctx's.
func (b *Broker) Addr(ctx context.Context) (string, error) {
	select {
	case <-b.ready:
		return b.addr, nil
	case <-ctx.Done():
		return "", fmt.Errorf("wait for the broker: %w", ctx.Err())
	}
}

// Run listens and serves until ctx ends, then returns nil. A port in use is an error.
func (b *Broker) Run(ctx context.Context) error {
	b.mu.Lock()
	c := b.c // Renew changes the other
	b.mu.Unlock()
	log := logger(b.log)
	server := mqtt.New(&mqtt.Options{
		Capabilities:             capabilities(),
		ClientNetReadBufferSize:  32 << 10,
		ClientNetWriteBufferSize: 32 << 10,
		SysTopicResendInterval:   10,
		Logger:                   log,
	})
	g := newGate(b.log, &c, server)
	if err := server.AddHook(g, nil); err != nil {
		return fmt.Errorf("set up the broker's users: %w", err)
	}
	if err := server.AddHook(new(numbers), nil); err != nil {
		return fmt.Errorf("set up the broker's numbers: %w", err)
	}
	// mochi counts its clients and waits for them when it ends. Counting up from zero while waiting is a race, so an
	// extra one is counted, which shut removes.
	server.Listeners.ClientsWg.Add(1)
	defer shut(server, b.door)
	listener, err := listen(ctx, c.Listen, b.door, b.tls)
	if err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	if err := server.AddListener(plain{listeners.NewNet("mqtt", listener), b.log}); err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	if c.WSListen != "" {
		listener, err := listen(ctx, c.WSListen, b.door, b.tls)
		if err != nil {
			return fmt.Errorf("start the broker's websockets: %w", err)
		}
		ws, err := newWebsockets(b.log, listener, &c)
		if err == nil {
			err = server.AddListener(ws)
		}
		if err != nil {
			return fmt.Errorf("start the broker's websockets: %w", err)
		}
	}
	if err := server.Serve(); err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	b.mu.Lock()
	b.gate, b.server = g, server
	b.mu.Unlock()
	b.addr = listener.Addr().String()
	b.log.Info("the broker listens", zap.String("address", b.addr), zap.String("websockets", c.WSListen),
		zap.Bool("tls", b.tls != nil), zap.Int("users", len(c.Users)))
	close(b.ready)
	<-ctx.Done()
	return nil
}

// clientsMost is how many logged-in clients may be connected.
const clientsMost = 1000

// capabilities are mochi's, with limits that suit rows in transit.
func capabilities() *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	// Nothing expires: by default, mochi forgets even retained messages after a day, and with them the nodes'
	// announcements.
	c.MaximumMessageExpiryInterval = 0
	// A client that is away for a day loses its queue; the outboxes still have the rows.
	c.MaximumSessionExpiryInterval = 24 * 60 * 60
	// The largest row that MySQL accepts in one statement by default, in bytes.
	c.MaximumPacketSize = 64 << 20
	// Beyond these two limits per client, messages already acknowledged to their sender are dropped.
	c.MaximumInflight = math.MaxUint16
	c.MaximumClientWritesPending = 16 << 10
	// Each has room for as many messages. For more, use another broker.
	c.MaximumClients = clientsMost
	// Of a client, mochi would keep as many topics as there are numbers for them.
	c.TopicAliasMaximum = 0
	// A message of QoS 2 that is never released would keep the properties of the one that was sent.
	c.Compatibilities.NoInheritedPropertiesOnAck = true
	return c
}
