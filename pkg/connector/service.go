package connector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/systemd"
)

// Service runs a connector, and replaces it when its configuration is reloaded: by Reload, or by SIGHUP.
type Service struct {
	begin   func(*plan.Plan, []string) error
	options Options
	manager *systemd.Manager
	first   *attempt
	front   *front
	editing sync.Mutex    // held while a form edits the file
	turn    chan struct{} // one reload at a time
	next    chan *attempt // checked, to replace the running one
}

// attempt is a connector that may yet turn out not to work.
type attempt struct {
	*Connector
	warnings []string
	taken    chan struct{} // closed when it replaces another, which gets no more requests
}

// NewService returns a service for the configuration in o.File. begin is called with the plan and its warnings before a
// connector runs, to set up the process. The error is from Load or from New.
func NewService(begin func(*plan.Plan, []string) error, o Options) (s *Service, err error) {
	s = &Service{begin: begin, options: o, front: newFront(o.Log), manager: systemd.New(o.Log), turn: make(chan struct{}, 1), next: make(chan *attempt)}
	s.options.service = s
	s.first, err = s.attempt()
	return s, err
}

// attempt reads the configuration and makes a connector from it.
func (s *Service) attempt() (*attempt, error) {
	p, warnings, err := Load(s.options.File)
	if err != nil {
		return nil, err
	}
	c, err := New(p, s.options)
	if err != nil {
		return nil, err
	}
	return &attempt{c, warnings, make(chan struct{})}, nil
}

// Run runs the connector until ctx ends, and returns what ended it; see Connector.Run. It runs once.
func (s *Service) Run(ctx context.Context) error {
	defer s.manager.Stopping()
	defer context.AfterFunc(ctx, s.manager.Stopping)()
	ctx, cancel := context.WithCancel(ctx)
	s.front.begin(ctx)
	defer func() { cancel(); s.front.wait() }()
	hup := make(chan os.Signal, 1)
	if !s.first.once() {
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
	}
	var before *plan.Plan // the previous one, if it worked
	for a := s.first; ; {
		next, err := s.runOne(ctx, a, hup)
		if next != nil {
			if a.works() {
				before = a.plan
			}
			a = next
			continue
		}
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // stopped before it had begun
		}
		if err == nil || ctx.Err() != nil || before == nil || a.works() {
			return err
		}
		s.options.Log.Error("the new configuration does not work; going back to the previous one", zap.Error(err))
		o := s.options
		o.fallen = err.Error()
		c, back := New(before, o)
		if back != nil {
			return errors.Join(err, back)
		}
		a, before = &attempt{Connector: c}, nil
	}
}

// runOne runs a connector until it ends, or until another replaces it.
func (s *Service) runOne(ctx context.Context, a *attempt, hup <-chan os.Signal) (*attempt, error) {
	if err := s.begin(a.plan, a.warnings); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	turn := time.Tick(s.manager.Every()) // nil: never
	working := a.working
	var next *attempt
	for ; ; s.alive(a) {
		select {
		case <-turn:
		case <-working:
			s.manager.Reloaded()
			working = nil
		case err := <-ended:
			if next != nil && err != nil {
				s.options.Log.Warn("the connector did not stop cleanly for the reload", zap.Error(err))
				err = nil
			}
			return next, err
		case <-hup:
			go func() { _ = s.Reload(ctx) }() // which logs what is wrong
		case newer := <-s.next:
			s.front.bar()
			close(newer.taken)
			stop()
			if next != nil { // it has not begun
				if err := next.Close(); err != nil {
					s.options.Log.Warn("the connector was not closed cleanly", zap.Error(err))
				}
			}
			hup, next = nil, newer // which takes the signals
		}
	}
}

// lateMost is how late a job may look at its schedule before the connector counts as stuck.
const lateMost = time.Minute

// alive reports to systemd that the loop of runOne makes progress, and so do those of all jobs. A run may take any amount of
// time, since its source or destination may be slow.
func (s *Service) alive(a *attempt) {
	if s.manager.Every() == 0 {
		return
	}
	running := 0
	for _, j := range a.jobs {
		if late := j.awake.late(time.Now()); late > lateMost {
			return
		}
		if j.running() {
			running++
		}
	}
	s.manager.Alive(a.works(), fmt.Sprintf("%d of %d jobs running", running, len(a.jobs)))
}

// Reload rereads the configuration and the scripts and checks them as at startup. It logs and returns a mistake, and the
// connector carries on. Otherwise runs are interrupted, and a new connector starts in this process, finishes them, and answers
// whatever is asked from now on. If it fails to start, the previous configuration comes back, and its Status says why. It may
// be called from any goroutine.
func (s *Service) Reload(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.manager.Reloading()
	a, err := s.attempt()
	if err != nil {
		s.manager.Reloaded()
		s.options.Log.Error("not reloaded; the connector carries on as before", zap.Error(err))
		return fmt.Errorf("%w: not reloaded, the connector carries on as before: %w", api.ErrRequest, err)
	}
	select {
	case s.next <- a:
		<-a.taken
		s.options.Log.Info("reloading")
		return nil
	case <-ctx.Done():
		s.manager.Reloaded()
		return errors.Join(ctx.Err(), a.Close())
	}
}

// Reload implements api.Connector.
func (c *Connector) Reload(ctx context.Context) error {
	if c.options.service == nil {
		return fmt.Errorf("%w: it runs each job once", api.ErrRequest)
	}
	return c.options.service.Reload(ctx)
}

// once reports whether the connector ends when each job has run.
func (c *Connector) once() bool { return c.options.Test || c.options.Once || c.plan.Once }

// works reports whether the connector has started, though its jobs that run on start may still run.
func (c *Connector) works() bool {
	select {
	case <-c.working:
		return true
	default:
		return false
	}
}
