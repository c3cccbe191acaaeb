package service

import (
	"context"
	"net/http"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/metrics"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// runner is what a service runs: a node.Node.
type runner interface {
	status.Node
	Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error
	SetLogLevel(level string) error
	Health(ctx context.Context) error

	// Check finds what would keep the node from starting, without changing anything.
	Check(ctx context.Context) error
	// Run runs the node once, until ctx ends.
	Run(ctx context.Context) error
	// Working returns a channel that is closed once the node works.
	Working() <-chan struct{}
}

// attempt is a node that is to run, with who waits for word of it. It is the node's
// node.Host.
type attempt struct {
	runner
	service  *Service
	cfg      *config.Config
	warnings []string     // of its configuration
	scrape   http.Handler // its metrics

	answer chan error // nil: nobody waits
	failed error      // what the answer is when it works: why it came back
}

// attempt makes a node of a configuration, with its metrics.
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

// Waits serves the page while the node waits for its database; see node.Host.
func (a *attempt) Waits(ctx context.Context) error {
	return a.service.front.listenEarly(ctx, a.cfg.HTTP)
}

// Serves has the node asked by the page and the socket; see node.Host.
func (a *attempt) Serves(ctx context.Context) error {
	if err := a.service.front.listen(ctx, a.cfg.HTTP); err != nil {
		return err
	}
	a.service.front.control(ctx, a.cfg)
	return nil
}

// Restart has another node take this one's place; see node.Host.
func (a *attempt) Restart(ctx context.Context) {
	// It ends the node that asks for it, so that it is not waited for; it logs what keeps it
	// from that.
	go func() { _ = a.service.Reload(context.WithoutCancel(ctx)) }()
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
	case <-a.Working():
		return true
	default:
		return false
	}
}
