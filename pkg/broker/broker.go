package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Broker is an MQTT 3.1.1 and 5 broker. It runs once.
type Broker struct {
	log   *zap.Logger
	c     config.Broker
	tls   *tls.Config   // nil: plain
	ready chan struct{} // closed when addr is set
	addr  string
	door  *door
}

// New returns a broker and reads its certificate. It starts nothing.
func New(log *zap.Logger, c config.Broker) (*Broker, error) {
	log = bounded(log)
	b := &Broker{log: log, c: c, ready: make(chan struct{}), door: &door{log: log, patience: helloTime}}
	if c.Cert != "" || c.Key != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("read the broker's certificate: %w", err)
		}
		b.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	return b, nil
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
	log := logger(b.log)
	server := mqtt.New(&mqtt.Options{
		Capabilities:             capabilities(),
		ClientNetReadBufferSize:  32 << 10,
		ClientNetWriteBufferSize: 32 << 10,
		SysTopicResendInterval:   10,
		Logger:                   log,
	})
	if err := server.AddHook(newGate(b.log, &b.c, server.Clients), nil); err != nil {
		return fmt.Errorf("set up the broker's users: %w", err)
	}
	if err := server.AddHook(new(numbers), nil); err != nil {
		return fmt.Errorf("set up the broker's numbers: %w", err)
	}
	// mochi counts its clients and waits for them when it ends. Counting up from zero while waiting is a race, so an
	// extra one is counted, which shut removes.
	server.Listeners.ClientsWg.Add(1)
	defer shut(server, b.door)
	listener, err := listen(b.c.Listen, b.door, b.tls)
	if err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	if err := server.AddListener(plain{listeners.NewNet("mqtt", listener), b.log}); err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	if b.c.WSListen != "" {
		listener, err := listen(b.c.WSListen, b.door, b.tls)
		if err != nil {
			return fmt.Errorf("start the broker's websockets: %w", err)
		}
		ws, err := newWebsockets(b.log, listener, &b.c)
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
	b.addr = listener.Addr().String()
	close(b.ready)
	b.log.Info("the broker listens", zap.String("address", b.addr), zap.String("websockets", b.c.WSListen),
		zap.Bool("tls", b.tls != nil), zap.Int("users", len(b.c.Users)))
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
	return c
}
