package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/broker"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/node"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/systemd"
)

const (
	reloadTime          = 15 * time.Second // to check a new configuration
	startTime           = time.Minute      // to answer whoever requested a reload
	restartPause        = 5 * time.Second  // between two attempts of a node to replace itself
	longestRestartPause = time.Minute
	slowStopTime        = 5 * time.Second // after which a stop is logged as slow
)

// Service runs a node, and replaces it when the configuration is reloaded. Reload may be
// called from any goroutine.
type Service struct {
	load Load
	make func(*config.Config, node.Host, node.Meter) (runner, error)
	log  *logging.Log

	broker broker.Keeper // the embedded one, if any

	manager *systemd.Manager

	first   *attempt
	front   *front
	turn    chan struct{} // one reload at a time
	next    chan *attempt // checked, to replace the running one
	over    chan struct{} // closed when Run has ended
	mu      sync.Mutex
	running *config.Config
	led     sync.Mutex // one at a time writes what is remembered of the hub
}

// Load reads the configuration: as config.Try does with a document from the hub, else as config.Load does.
type Load func(signed []byte) (*config.Config, []string, error)

// New returns a service. The error is from load or from node.New.
func New(load Load, log *logging.Log, version string) (s *Service, err error) {
	s = newService(load, log, func(cfg *config.Config, host node.Host, meter node.Meter) (runner, error) {
		return node.New(cfg, log, version, host, meter)
	})
	s.first, err = s.read(nil)
	return s, err
}

func newService(load Load, log *logging.Log, of func(*config.Config, node.Host, node.Meter) (runner, error)) *Service {
	s := &Service{load: load, make: of, log: log, manager: systemd.New(log.Logger), turn: make(chan struct{}, 1), next: make(chan *attempt), over: make(chan struct{})}
	s.front = newFront(log, s.Reload)
	return s
}

// read reads the configuration, with a document from the hub if there is one, and makes a node from it.
func (s *Service) read(signed []byte) (*attempt, error) {
	cfg, warnings, err := s.load(signed)
	if err != nil {
		return nil, err
	}
	a, err := s.attempt(s.join(context.Background(), cfg))
	if err != nil {
		return nil, err
	}
	a.warnings, a.signed = warnings, signed
	return a, nil
}

// joinTime bounds reading which sites have joined.
const joinTime = 3 * time.Second

// join returns a configuration with the sites that have joined, by its database; a new one, which no other has. If the database
// does not answer, none has: the node asks again once it works.
func (s *Service) join(ctx context.Context, cfg *config.Config) *config.Config {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	all, err := sites.Of(ctx, cfg)
	if err != nil {
		s.log.Info("could not read which sites have joined; the node does so once it works", zap.Error(err))
	}
	return all
}

// Run runs the node until ctx ends, and returns what ended it; see node.Node.Run. It runs
// once.
func (s *Service) Run(ctx context.Context) error {
	defer s.broker.Close()
	defer s.manager.Stopping()
	defer context.AfterFunc(ctx, s.manager.Stopping)()
	ctx, cancel := context.WithCancel(ctx)
	a := s.first
	t := newTenant(ctx, a)
	s.front.tenant.Store(t)
	var served sync.WaitGroup
	served.Go(func() { s.front.run(ctx) })
	defer served.Wait()
	defer cancel()
	defer close(s.over)       // first: whoever waits for a reload gets an answer
	var before *config.Config // the previous one that worked, until the new one has proved to
	for {
		next, err := s.runOne(ctx, t, a)
		switch {
		case next != nil:
			if a.works() || a.failed != nil {
				before = a.cfg
			}
			a.say(errOvertaken)
			a, t = next, s.front.tenant.Load()
		case ctx.Err() == nil && before != nil && !a.works():
			// Something has changed since the check.
			s.log.Error("the new configuration does not work; going back to the previous one", zap.Error(err))
			again, back := s.attempt(before)
			if back != nil {
				a.say(back)
				return back
			}
			again.answer, again.failed = a.answer, fmt.Errorf("the new configuration does not work, the previous one is back: %w", err)
			a, before, t = again, nil, newTenant(ctx, again)
			s.front.tenant.Store(t)
		default:
			a.say(err)
			return err
		}
	}
}

// runOne runs a node until it stops, or until another is to replace it, which is then the front's tenant.
func (s *Service) runOne(ctx context.Context, t *tenant, a *attempt) (next *attempt, err error) {
	defer t.stop()
	if err := s.setLog(a); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.running = a.cfg
	s.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.life) }()
	working := a.Working()
	var unwritten <-chan time.Time       // when to write again that a document from the hub is in use
	turn := time.Tick(s.manager.Every()) // nil: never
	for next == nil {
		s.alive(ctx, a)
		select {
		case <-turn:
		case <-working:
			unwritten = s.accept(a)
			a.say(a.failed)
			working = nil
		case <-unwritten:
			unwritten = s.accept(a)
		case err := <-ended:
			return nil, err
		case err := <-s.front.ended:
			t.stop()
			return nil, errors.Join(err, <-ended)
		case next = <-s.next:
		}
	}
	s.front.tenant.Store(newTenant(ctx, next))
	t.stop()
	for slow := time.After(slowStopTime); ; s.alive(ctx, a) {
		select {
		case <-ended: // it stops because it was told to
			return next, nil
		case <-slow:
			s.log.Warn("the node is slow to stop; the new configuration waits")
		case <-turn:
		}
	}
}

// alive reports to systemd that the loop of runOne makes progress and that the node's state can be read, which takes the
// locks of all its stages. It takes nothing from the database or the broker: if they are slow or gone, that is the status.
func (s *Service) alive(ctx context.Context, a *attempt) {
	if s.manager.Every() == 0 {
		return
	}
	said := "replicating"
	if err := a.Health(ctx); err != nil {
		said = err.Error()
	}
	s.manager.Alive(a.works(), said)
}

// setLog sets up the log as a node's configuration says.
func (s *Service) setLog(a *attempt) error {
	if err := errors.Join(s.log.SetLevel(a.cfg.LoggingLevel), s.log.SetFormat(a.cfg.LoggingFormat)); err != nil {
		return err
	}
	for _, w := range a.warnings {
		s.log.Warn("configuration: " + w)
	}
	return nil
}

// Reload reads the configuration and the transformers again and checks them as at startup. If there is a mistake, it
// logs and returns it, and the node carries on. Otherwise the node stops cleanly and a new one starts in this process.
// Reload returns once that works, or with the reason why the previous one was brought back.
func (s *Service) Reload(ctx context.Context) error {
	return s.reload(ctx, func() (*attempt, error) {
		a, err := s.read(nil)
		if err == nil {
			err = s.again(a.cfg)
		}
		return a, err
	})
}

// replaced reports whether a node other than a is running, or none.
func (s *Service) replaced(a *attempt) bool {
	select {
	case <-s.over:
		return true
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != a.cfg
}

// reload is Reload with the node that of returns.
func (s *Service) reload(ctx context.Context, of func() (*attempt, error)) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.manager.Reloading()
	defer s.manager.Reloaded()
	a, err := s.reloaded(ctx, of)
	if err != nil {
		s.log.Error("not reloaded; the node carries on as before", zap.Error(err))
		return status.Kind(status.ErrRequest, notReloaded{err})
	}
	a.answer = make(chan error, 1)
	answer := a.answer
	select {
	case s.next <- a:
		s.log.Info("reloading")
	case <-ctx.Done():
		return ctx.Err()
	case <-s.over:
		return status.Kind(status.ErrUnavailable, errReplaced)
	}
	// This does not wait for ctx: the listener that brought the request may be replaced.
	select {
	case err := <-answer:
		return err
	case <-time.After(startTime):
		return status.Kind(status.ErrUnavailable, fmt.Errorf("the node has read its files but does not work after %s: see its log", startTime))
	case <-s.over:
	}
	select {
	case err := <-answer:
		return err
	default:
		return status.Kind(status.ErrUnavailable, errReplaced)
	}
}

func (s *Service) reloaded(ctx context.Context, of func() (*attempt, error)) (*attempt, error) {
	a, err := of()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running == nil {
		return nil, errors.New("the node is starting")
	}
	return a, a.check(ctx, running)
}

// check returns what would keep the node from replacing a running one with another configuration. It changes nothing.
func (a *attempt) check(ctx context.Context, running *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	var errs []error
	for key, addresses := range map[string][2]string{
		"http.listen":     {a.cfg.HTTP.Listen, running.HTTP.Listen},
		"broker.listen":   {a.cfg.Broker.Listen, running.Broker.Listen},
		"broker.wsListen": {a.cfg.Broker.WSListen, running.Broker.WSListen},
	} {
		if err := listenable(ctx, addresses[0], addresses[1]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if err := os.MkdirAll(a.cfg.QueueDirectory, 0o700); err != nil {
		errs = append(errs, fmt.Errorf("queueDirectory: %w", err))
	}
	err := a.Check(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the database at %s does not answer: reload once it is up", mysqldb.Address(a.cfg.MySQL))
	}
	return errors.Join(append(errs, err)...)
}

// listenable returns why an address cannot be listened on. One held by the running node will be free once that stops.
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
