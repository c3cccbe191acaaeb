package connector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// Run executes the plan until ctx ends: it runs each job at startup, if so configured, and on its schedule, independently of
// the others. A plan to be run once, and a dry run, end when each job has run; the error is then that of the jobs that
// failed.
func (c *Connector) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, c.Close()) }()
	return c.backed(ctx, c.carry)
}

// carry is Run with a usable state.
func (c *Connector) carry(ctx context.Context) (err error) {
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.identify(ctx); err != nil {
		return err
	}
	state := c.state
	if _, err := state.Purge(ctx, time.Now().Add(-c.kept())); err != nil {
		return err
	}
	failed := make([]error, len(c.jobs))
	since := make([]time.Time, len(c.jobs))
	begins := make([]bool, len(c.jobs)) // with a run, and then runs on its schedule
	for i, j := range c.jobs {
		j.Ledger = state
		if j.first != nil {
			j.first.Ledger = state
		}
		since[i] = j.since(ctx, c.began)
	}
	var g errgroup.Group
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel() // whatever has begun ends with it
		}
		err = errors.Join(err, g.Wait())
		cancel()
	}()
	if !c.once() {
		if err := c.serve(ctx, &g); err != nil {
			return err
		}
		if k := c.keeper(); k != nil {
			g.Go(func() error { k.Run(ctx); return nil })
		}
		g.Go(func() error { c.alerts.Run(ctx); return nil })
		c.receive(ctx, &g)
		if c.published != nil {
			c.reschedule(ctx) // before anything runs
			g.Go(func() error { c.publish(ctx); return nil })
		}
	}
	close(c.working) // nothing can fail the start any more
	for i, j := range c.jobs {
		if j.led && (c.options.Test || c.options.Once) {
			continue // it runs once, before the other one
		}
		paused, reason, err := state.Paused(ctx, j.Name)
		switch {
		case err != nil:
			return err
		case paused && c.options.Test:
			failed[i] = c.run(ctx, j, job.Cause{Kind: job.Test})
		case paused:
			j.Log.Warn("job is paused", zap.String("reason", reason))
			if c.options.Once {
				failed[i] = fmt.Errorf("%s: %w", j.Name, pausedError(reason))
			} else if failed[i], err = j.unfinished(ctx); err != nil { // resuming the job makes up for it
				return err
			}
			j.news.Store(j.follows) // as are earlier changes
		case c.options.Test:
			failed[i] = c.run(ctx, j, job.Cause{Kind: job.Test})
		case c.options.Once, j.schedule().OnStart() && (c.plan.Once || j.led): // jobs that others wait for finish before those begin
			failed[i] = c.run(ctx, j, c.options.cause())
			since[i] = time.Now()
		case j.schedule().OnStart():
			begins[i] = true
		case !c.plan.Once:
			if failed[i], err = j.unfinished(ctx); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return nil // ctx has ended
	}
	if c.once() {
		if k := c.keeper(); k != nil {
			k.Check(ctx)
		}
		c.tell(ctx)
		return errors.Join(failed...)
	}
	for i, j := range c.jobs {
		g.Go(func() error {
			if begins[i] {
				failed[i] = c.run(ctx, j, c.options.cause())
				since[i] = time.Now()
			}
			c.keep(ctx, j, since[i], failed[i])
			return nil
		})
	}
	return nil
}

// remembered is how long finished runs are kept.
const remembered = 90 * 24 * time.Hour

// open opens the state file, or a copy of it for a dry run.
func (c *Connector) open(ctx context.Context) error {
	open := ledger.Open
	if c.options.Test {
		open = ledger.Copy
	}
	state, err := open(ctx, c.options.State, ledger.Config{})
	if err != nil {
		return err
	}
	c.close = append(c.close, state.Close)
	c.bounds.limits.Ledger, c.state, c.began = state, state, time.Now()
	c.alerts.Ledger = state
	c.Desk = NewDesk(c.plan, c.options.State, state)
	return nil
}

// serve answers commands on the socket, and browsers and programs at the configured address, until ctx ends. Who gets an answer
// knows that the connector has started.
func (c *Connector) serve(ctx context.Context, g *errgroup.Group) error {
	var f *front
	if c.options.service != nil {
		f = c.options.service.front
	} else {
		f = newFront(c.log)
		f.begin(ctx)
		g.Go(func() error { f.wait(); return nil })
	}
	local, err := f.open(c.plan.HTTP)
	if err != nil {
		return err
	}
	metrics := api.Metrics(c)
	t := &tenant{socket: api.Handler(c, metrics), page: c.hooked(api.Page(c, metrics, c.plan.HTTP.Token, local))}
	f.control(Socket(c.options.State))
	f.admit(t)
	g.Go(func() error { <-ctx.Done(); f.leave(t); return nil })
	return nil
}
