package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

const (
	reloadTime   = 15 * time.Second // to check a new configuration
	startTime    = time.Minute      // to answer who asked for a reload
	slowStopTime = 5 * time.Second  // after which a stop is told to be slow
)

// Service runs a node, and another in its place when the configuration is read
// again. Reload may be called from any goroutine.
type Service struct {
	load    func() (*config.Config, []string, error)
	log     *logging.Log
	version string

	first   *Node
	front   *front
	turn    chan struct{} // one reload at a time
	next    chan *attempt // checked, and to run in place of the one that runs
	over    chan struct{} // closed when Run has ended
	mu      sync.Mutex
	running *config.Config
}

// attempt is a node that is to run, with who waits for word of it.
type attempt struct {
	*Node
	answer chan error // nil: nobody
	failed error      // what the answer is when it works: why it came back
}

// say answers who waits, once.
func (a *attempt) say(err error) {
	if a.answer != nil {
		a.answer <- err // which has room for it
		a.answer = nil
	}
}

func (a *attempt) works() bool {
	select {
	case <-a.working:
		return true
	default:
		return false
	}
}

// NewService returns a service; load reads the configuration, as config.Load does.
// The error is that of load, or what New finds.
func NewService(load func() (*config.Config, []string, error), log *logging.Log, version string) (s *Service, err error) {
	s = &Service{load: load, log: log, version: version, turn: make(chan struct{}, 1), next: make(chan *attempt), over: make(chan struct{})}
	s.front = newFront(log, s.Reload)
	s.first, err = s.read()
	return s, err
}

// read reads the configuration and makes a node of it.
func (s *Service) read() (*Node, error) {
	cfg, warnings, err := s.load()
	if err != nil {
		return nil, err
	}
	n, err := s.make(cfg)
	if err != nil {
		return nil, err
	}
	n.warnings = warnings
	return n, nil
}

func (s *Service) make(cfg *config.Config) (*Node, error) {
	n, err := New(cfg, s.log, s.version)
	if err == nil {
		n.front = s.front
		boundMemory(cfg)
	}
	return n, err
}

// Run runs the node until ctx ends, and returns what ended it; see Node.Run. It runs
// once.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	t := newTenant(ctx, s.first)
	s.front.tenant.Store(t)
	var served sync.WaitGroup
	served.Go(func() { s.front.run(ctx) })
	defer served.Wait()
	defer cancel()
	defer close(s.over) // first: who waits for a reload gets an answer
	a := &attempt{Node: s.first}
	var before *config.Config // the one that worked, while a new one has not shown that it does
	for {
		next, err := s.runOne(ctx, t, a)
		switch {
		case next != nil:
			if a.works() || a.failed != nil {
				before = a.cfg
			}
			a.say(errors.New("another reload came before the node worked"))
			a, t = next, s.front.tenant.Load()
		case ctx.Err() == nil && before != nil && !a.works():
			// What was checked before has changed meanwhile.
			s.log.Error("the new configuration does not work; going back to the one before", zap.Error(err))
			n, back := s.make(before)
			if back != nil {
				a.say(back)
				return back
			}
			a = &attempt{Node: n, answer: a.answer, failed: fmt.Errorf("the new configuration does not work, the node is back with the one before: %w", err)}
			before, t = nil, newTenant(ctx, n)
			s.front.tenant.Store(t)
		default:
			a.say(err)
			return err
		}
	}
}

// runOne runs a node until it ends, or until another shall run in its place. That is
// the front's tenant then.
func (s *Service) runOne(ctx context.Context, t *tenant, a *attempt) (next *attempt, err error) {
	defer t.stop()
	if err := s.setLog(a.Node); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.running = a.cfg
	s.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.life) }()
	working := a.working
	for next == nil {
		select {
		case <-working:
			a.say(a.failed)
			working = nil
		case err := <-ended:
			return nil, err
		case err := <-s.front.ended:
			t.stop()
			return nil, errors.Join(err, <-ended)
		case next = <-s.next:
		}
	}
	s.front.tenant.Store(newTenant(ctx, next.Node))
	t.stop()
	select {
	case <-ended:
	case <-time.After(slowStopTime):
		s.log.Warn("the node takes long to stop; the new configuration waits for it")
		<-ended
	}
	return next, nil
}

// setLog has the log be as a node's configuration says.
func (s *Service) setLog(n *Node) error {
	if err := errors.Join(s.log.SetLevel(n.cfg.LoggingLevel), s.log.SetFormat(n.cfg.LoggingFormat)); err != nil {
		return err
	}
	for _, w := range n.warnings {
		s.log.Warn("configuration: " + w)
	}
	return nil
}

// Reload reads the configuration and the transformers again and checks them as a
// start does. A mistake is logged and returned, and the node goes on as it was.
// Otherwise it stops in order and the new one starts in this process. Reload returns
// when that works, or with the reason for which the one before came back.
func (s *Service) Reload(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	n, err := s.reloaded(ctx)
	if err != nil {
		s.log.Error("not reloaded; the node goes on as it was", zap.Error(err))
		return status.Kind(status.ErrRequest, fmt.Errorf("not reloaded, the node goes on as it was: %w", err))
	}
	a := &attempt{Node: n, answer: make(chan error, 1)}
	answer := a.answer
	select {
	case s.next <- a:
		s.log.Info("reloading")
	case <-ctx.Done():
		return ctx.Err()
	case <-s.over:
		return status.Kind(status.ErrUnavailable, errReplaced)
	}
	// Not until ctx ends: the listener by which this was asked may give way to another.
	select {
	case err := <-answer:
		return err
	case <-time.After(startTime):
		return status.Kind(status.ErrUnavailable, fmt.Errorf("the node has read its files, and does not work after %s: see its log", startTime))
	case <-s.over:
	}
	select {
	case err := <-answer:
		return err
	default:
		return status.Kind(status.ErrUnavailable, errReplaced)
	}
}

func (s *Service) reloaded(ctx context.Context) (*Node, error) {
	n, err := s.read()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running == nil {
		return nil, errors.New("the node is starting")
	}
	return n, n.check(ctx, running)
}

// check finds what would keep a node from starting in place of one that runs with
// another configuration, without changing anything.
func (n *Node) check(ctx context.Context, running *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	var errs []error
	for key, addresses := range map[string][2]string{
		"http.listen":     {n.cfg.HTTP.Listen, running.HTTP.Listen},
		"broker.listen":   {n.cfg.Broker.Listen, running.Broker.Listen},
		"broker.wsListen": {n.cfg.Broker.WSListen, running.Broker.WSListen},
	} {
		if err := listenable(ctx, addresses[0], addresses[1]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if err := os.MkdirAll(n.cfg.QueueDirectory, 0o700); err != nil {
		errs = append(errs, fmt.Errorf("queueDirectory: %w", err))
	}
	db, err := n.checkServers(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the database at %s does not answer: reload when it is there", mysqldb.Address(n.cfg.MySQL))
	}
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	defer db.Close()
	t, err := n.loadTransformers(zap.NewNop())
	if t != nil {
		t.Close()
	}
	return errors.Join(append(errs, err)...)
}

// listenable reports why an address could not be listened on; the one that the
// running node has is free once that stops.
func listenable(ctx context.Context, address, held string) error {
	if address == "" || address == held {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// loadTransformers loads the scripts and checks that those are there that the
// configuration needs.
func (n *Node) loadTransformers(log *zap.Logger) (*transform.Transformers, error) {
	t := transform.New(log, render.Querier{Guests: n.guests}, publisher{n.transport}, transform.Config{Directory: n.cfg.TransformerDirectory, MaxRow: n.cfg.LargestRow()})
	if err := t.Load(n.allTables()); err != nil {
		return nil, fmt.Errorf("transformerDirectory: %w", err)
	}
	return t, check.Resolvers(n.cfg.ConflictPolicy, t)
}

// publisher publishes the messages of scripts.
type publisher struct{ s *transport.Session }

// Publish publishes a message and waits until the broker has it.
func (p publisher) Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error {
	return p.s.Publish(ctx, transport.Message{Topic: topic, Payload: message, QoS: qos, Retain: retain})
}
