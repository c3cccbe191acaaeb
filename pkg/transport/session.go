package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// farewellTime bounds how long the last message of an orderly stop may take.
const farewellTime = 2 * time.Second

// Session is a node's connection to the broker, re-established whenever it is lost. Its methods may be called from any
// goroutine.
type Session struct {
	log     *zap.Logger
	c       Config
	servers []*url.URL
	certs   *certificates

	link     atomic.Pointer[link] // nil while there is no connection
	standing standing             // see Status

	echoTold bool // the Error about EchoTopic is logged once, until an echo comes
	echoLost int  // connections in a row that ended before the echo
}

// New checks the configuration and reads the TLS files. It starts nothing.
func New(log *zap.Logger, c Config) (*Session, error) {
	if c.EchoTimeout == 0 {
		c.EchoTimeout = 10 * time.Second
	}
	if c.Window == 0 {
		c.Window = 1000
	}
	s := &Session{log: log, c: c}
	s.standing.Since = time.Now()
	for _, server := range c.MQTT.Servers {
		u, err := url.Parse(server)
		if err != nil {
			return nil, fmt.Errorf("read the broker's address: %w", err)
		}
		s.servers = append(s.servers, u)
	}
	if len(s.servers) == 0 {
		return nil, errors.New("no broker is named")
	}
	var err error
	s.certs, err = loadCertificates(log, c.MQTT)
	return s, err
}

// Online reports whether a message could be published now.
func (s *Session) Online() bool { return s.link.Load() != nil }

// Run connects and stays connected until ctx ends, and then returns nil. If a broker does not answer, or refuses a
// subscription (ErrDenied), Run retries with growing pauses, each server in turn. A refused login (ErrRefused) ends Run
// only if no login has succeeded yet: then the configuration is wrong. Later, it may be temporary. ErrDenied and
// ErrRefused are logged as Errors.
func (s *Session) Run(ctx context.Context, h Handlers) error {
	wait := newPause(s.c.MQTT.ReconnectPeriod)
	known := false // some broker has already accepted us
	var last error
	for i := 0; ctx.Err() == nil; i++ {
		began := time.Now()
		plan := s.plan(last)
		l, err := s.connect(ctx, s.servers[i%len(s.servers)], plan, h)
		known = known || err == nil || errors.Is(err, ErrDenied)
		if err == nil {
			err = s.serve(ctx, l)
		} else if !known {
			err = explain(ctx, s.servers[i%len(s.servers)], err)
		}
		if ctx.Err() != nil {
			break
		}
		last = err
		s.standing.note(false, s.servers[i%len(s.servers)].Host, err)
		if errors.Is(err, ErrRefused) && !known && !plan.Trial {
			return err
		}
		if !errors.Is(err, ErrDenied) { // a cluster takes seconds to say no
			wait.after(time.Since(began), s.sites())
		}
		var rest time.Duration
		if l != nil || (i+1)%len(s.servers) == 0 { // if a server does not answer, the next is tried at once
			rest = wait.next(rand.Float64(), s.sites())
		}
		logLevel := zap.WarnLevel
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrDenied) {
			logLevel = zap.ErrorLevel
		}
		s.log.Log(logLevel, "no connection to the broker", zap.Error(err), zap.Duration("retryIn", rest))
		_ = pause.For(ctx, rest)
	}
	return nil
}

// serve serves a connection until it is lost or ctx ends. It returns why the connection was lost.
func (s *Session) serve(ctx context.Context, l *link) error {
	s.log.Info("connected to the broker", zap.String("server", l.server))
	up, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(l.send)
	wg.Go(l.settle)
	wg.Go(func() { s.watchEcho(l) })
	wg.Go(func() { <-l.down; cancel() })
	s.link.Store(l)
	s.standing.note(true, l.server, nil)
	if l.handlers.OnUp != nil {
		if err := l.handlers.OnUp(up); err != nil {
			l.fail(fmt.Errorf("announce this node: %w", err))
		}
	}
	select {
	case <-l.down:
	case <-ctx.Done():
		s.farewell(context.WithoutCancel(ctx), l.plan)
	}
	s.link.Store(nil)
	l.close()
	wg.Wait()
	if l.handlers.OnDown != nil {
		l.handlers.OnDown()
	}
	return l.cause
}

// sites returns how many nodes may be about to reconnect.
func (s *Session) sites() int {
	if s.c.Sites == nil {
		return 0
	}
	return s.c.Sites()
}

// plan returns the Plan of the next connection.
func (s *Session) plan(last error) Plan {
	if s.c.Plans == nil {
		return s.c.Plan
	}
	return s.c.Plans(last)
}

// farewell says what the will would say: the broker drops that when a client disconnects in an orderly way.
func (s *Session) farewell(ctx context.Context, p Plan) {
	var last []Message
	switch {
	case s.c.Farewell != nil:
		last = s.c.Farewell()
	case p.Will != nil:
		last = []Message{*p.Will}
	}
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	for _, m := range last {
		if err := s.Publish(ctx, m); err != nil {
			s.log.Warn("could not tell the other nodes of the stop", zap.Error(err))
			return
		}
	}
}

// Heard notes that others hear this node although nothing was sent, or came back, on EchoTopic.
func (s *Session) Heard() { s.standing.silence(nil) }
