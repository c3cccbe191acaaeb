package service

import (
	"context"
	"net/http"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/metrics"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// runner is what a service runs: a node.Node.
type runner interface {
	status.Node
	Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error
	SetLogLevel(level string) error
	Health(ctx context.Context) error
	Fleet(ctx context.Context) (*fleet.Fleet, error)
	History(ctx context.Context, site string) (*fleet.History, error)
	Row(ctx context.Context, of status.RowAsk) (*status.Row, error)
	At(ctx context.Context, site string, a wire.Act) (*status.Afar, error)
	Admit(ctx context.Context, a status.Admit) error

	// Check returns what would keep the node from starting. It changes nothing.
	Check(ctx context.Context) error
	// Run runs the node once, until ctx ends.
	Run(ctx context.Context) error
	// Working returns a channel that is closed once the node works.
	Working() <-chan struct{}
}

// attempt is a node to run, and whoever waits for the outcome. It is its node's node.Host.
type attempt struct {
	runner
	service  *Service
	cfg      *config.Config
	warnings []string     // of its configuration
	scrape   http.Handler // its metrics
	signed   []byte       // the document from the hub that it tries; nil: none

	unwritten bool // it works with the document, and that could not be written

	answer chan error // to whoever waits; nil if no one does
	failed error      // the answer once the node works: why it was brought back
}

// attempt makes a node with its metrics from a configuration.
func (s *Service) attempt(cfg *config.Config) (a *attempt, err error) {
	a = &attempt{service: s, cfg: cfg}
	m := metrics.New(a)
	a.scrape = m.Handler()
	if a.runner, err = s.make(cfg, a, m); err != nil {
		return nil, err
	}
	boundMemory(cfg)
	return a, nil
}

// Broker has the embedded broker run; see node.Host.
func (a *attempt) Broker(ctx context.Context, c config.Broker) error {
	return a.service.broker.Keep(ctx, a.service.log.Named("broker"), c)
}

// Waits serves the page while the node waits for its database; see node.Host.
func (a *attempt) Waits(ctx context.Context) error {
	return a.service.front.listenEarly(ctx, a.cfg.HTTP)
}

// Serves opens the page and the socket; see node.Host.
func (a *attempt) Serves(ctx context.Context) error {
	if err := a.service.front.listen(ctx, a.cfg.HTTP); err != nil {
		return err
	}
	a.service.front.control(ctx, a.cfg)
	return nil
}

// Restart replaces the node by one with the same configuration; see node.Host. Whatever keeps it from starting is
// logged, and it is retried: the node's reason to restart does not go away.
func (a *attempt) Restart(ctx context.Context) {
	go func() { // which the requesting node cannot wait for: it is stopped
		ctx := context.WithoutCancel(ctx)
		again := func() (*attempt, error) {
			next, err := a.service.attempt(a.service.join(ctx, a.cfg))
			if err == nil {
				next.signed = a.signed // which may not be written yet
			}
			return next, err
		}
		for range pause.Doubling(ctx, restartPause, longestRestartPause) {
			if a.service.replaced(a) || a.service.reload(ctx, again) == nil {
				return
			}
		}
	}()
}

// say answers whoever waits, once.
func (a *attempt) say(err error) {
	if a.answer != nil {
		a.answer <- err // which has room for it
		a.answer = nil
	}
}

func (a *attempt) works() bool {
	select {
	case <-a.Working():
		return true
	default:
		return false
	}
}
