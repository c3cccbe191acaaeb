package connector

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/alert"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// alerting makes the plan's alerts. Without a target they are only shown.
func (c *Connector) alerting() (*alert.Alerts, error) {
	var config alert.Config
	if err := c.plan.Alerts.Decode(&config); err != nil {
		return nil, err
	}
	id := identity(c.plan, c.options.State)
	r := c.remote()
	r.Budgets = nil // their own client, so that an alert needs no writable state
	a, err := alert.New(config, alert.Who{ID: id, Name: cmp.Or(c.plan.Identity.Name, id), Tags: c.plan.Identity.Tags}, r)
	if err != nil {
		return nil, err
	}
	a.Log = c.log
	for i := range c.plan.Jobs {
		p := &c.plan.Jobs[i]
		j := alert.Job{Name: p.Name, Quiet: p.Quiet}
		configured, err := schedule.Parse(p.Schedule)
		if err != nil {
			continue // its mistake is reported elsewhere
		}
		j.Next = func(after time.Time) (time.Time, bool) {
			when := configured
			if s, err := c.find(p.Name); err == nil {
				when = s.schedule()
			}
			if !when.Timed() || when.Disabled() {
				return time.Time{}, false
			}
			o, ok := when.Next(after)
			return o.At, ok
		}
		a.Jobs = append(a.Jobs, j)
	}
	if slices.ContainsFunc(c.feeds, func(f feed) bool { return f.mesh != nil }) {
		a.Peers = c.peers
	}
	return a, nil
}

// peers returns the clients in all meshes.
func (c *Connector) peers() (list []alert.Peer, err error) {
	for _, f := range c.feeds {
		if f.mesh == nil {
			continue
		}
		peers, err := f.mesh.Peers()
		if err != nil {
			return nil, err
		}
		for _, p := range peers {
			list = append(list, alert.Peer{Name: p.Name + " of " + f.source, Known: p.Known, Online: p.Online, Since: p.Since})
		}
	}
	return list, nil
}

// tellMost is how long a one-off connector may take to report the outcome of its runs.
const tellMost = 20 * time.Second

// tell reports the outcome of a one-off connector's runs. What cannot be sent is kept for the next start.
func (c *Connector) tell(ctx context.Context) {
	if c.options.Test { // Promise 4
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tellMost)
	defer cancel()
	c.alerts.Check(ctx)
	c.alerts.Deliver(ctx)
}
