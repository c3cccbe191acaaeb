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
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

const (
	reloadTime   = 15 * time.Second // to check a new configuration
	slowStopTime = 5 * time.Second  // after which a stop is told to be slow
)

// Service runs a node, and another in its place when the configuration is read
// again. Reload may be called from any goroutine.
type Service struct {
	load    func() (*config.Config, []string, error)
	log     *logging.Log
	version string

	first     *Node
	reloading sync.Mutex // one at a time
	next      chan *Node // checked, and to run in place of the one that runs
	mu        sync.Mutex
	running   *config.Config
}

// NewService returns a service; load reads the configuration, as config.Load does.
// The error is that of load, or what New finds.
func NewService(load func() (*config.Config, []string, error), log *logging.Log, version string) (s *Service, err error) {
	s = &Service{load: load, log: log, version: version, next: make(chan *Node)}
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
		n.reload = s.Reload
	}
	return n, err
}

// Run runs the node until ctx ends, and returns what ended it; see Node.Run. It runs
// once.
func (s *Service) Run(ctx context.Context) error {
	n := s.first
	var before *config.Config // the one that worked, while a new one has not shown that it does
	for {
		next, err := s.runOne(ctx, n)
		switch {
		case next != nil:
			before, n = n.cfg, next
		case ctx.Err() == nil && before != nil && !n.wired.Load():
			// What was checked before has changed meanwhile.
			s.log.Error("the new configuration does not work; going back to the one before", zap.Error(err))
			if n, err = s.make(before); err != nil {
				return err
			}
			before = nil
		default:
			return err
		}
	}
}

// runOne runs a node until it ends, or until another shall run in its place.
func (s *Service) runOne(ctx context.Context, n *Node) (next *Node, err error) {
	if err := s.setLog(n); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.running = n.cfg
	s.mu.Unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case err := <-ended:
		return nil, err
	case next = <-s.next:
	}
	stop()
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
// Otherwise it stops in order and the new one starts in this process; that is
// under way when Reload returns nil.
func (s *Service) Reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	n, err := s.reloaded(ctx)
	if err != nil {
		s.log.Error("not reloaded; the node goes on as it was", zap.Error(err))
		return web.Kind(web.ErrRequest, fmt.Errorf("not reloaded, the node goes on as it was: %w", err))
	}
	select {
	case s.next <- n:
		s.log.Info("reloading")
		return nil
	case <-ctx.Done():
		return ctx.Err()
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
	_, err = n.loadTransformers(zap.NewNop(), db)
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
func (n *Node) loadTransformers(log *zap.Logger, db *mysqldb.DB) (*transform.Transformers, error) {
	t := transform.New(log, querier{db}, publisher{n.transport}, transform.Config{Directory: n.cfg.TransformerDirectory})
	if err := t.Load(n.allTables()); err != nil {
		return nil, fmt.Errorf("transformerDirectory: %w", err)
	}
	return t, check.Resolvers(n.cfg.ConflictPolicy, t)
}
