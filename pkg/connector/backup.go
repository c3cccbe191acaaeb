package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/backup"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// Backups returns the backups of a plan's state; nil if it has none.
func Backups(p *plan.Plan, state string) (*backup.Backups, error) {
	if p.Backup == nil {
		return nil, nil
	}
	var c backup.Config
	if err := p.Backup.Decode(&c); err != nil {
		return nil, keys.Mistakes{p.Mistake("backup", err)}
	}
	b, err := backup.New(c, whose(p, state), state)
	if err != nil {
		return nil, keys.Mistakes{p.Mistake("backup", err)}
	}
	return b, nil
}

// whose identifies the owner of a plan's state.
func whose(p *plan.Plan, state string) ledger.Identity {
	return ledger.Identity{Connector: identity(p, state), Org: p.Identity.Org, Hub: p.Identity.Hub}
}

// backed runs f with a usable state: while this machine holds the lease, and after a restore if one is needed.
func (c *Connector) backed(ctx context.Context, f func(context.Context) error) error {
	if c.backups == nil || c.options.Test {
		return f(ctx)
	}
	err := c.backups.Hold(ctx, c.log, c.revive, f)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // ctx has ended
	}
	return err
}

// revive restores the state if it is missing or stale. Jobs that only add rows wait for a person: they would add again what
// they have added since the copy was made. All others compare, or write the same rows again.
func (c *Connector) revive(ctx context.Context, stale bool) error {
	began := time.Now()
	r := backup.Restore{Pause: "the state was restored from a backup: this job would add again what it has added since", Jobs: []string{}}
	for _, j := range c.jobs {
		if slices.ContainsFunc(j.Legs, adds) {
			r.Jobs = append(r.Jobs, j.Name)
		}
	}
	back, err := c.backups.Ready(ctx, stale, r)
	if err != nil || back == nil {
		return err
	}
	c.log.Warn("state restored from a backup", zap.String("object", back.Copy.Key), zap.Time("of", back.Copy.At), zap.String("kept", back.Kept),
		zap.Strings("paused", r.Jobs), zap.Duration("in", time.Since(began).Round(time.Millisecond)))
	return nil
}

// adds reports whether a leg only adds rows, and cannot read the destination.
func adds(l *job.Leg) bool {
	_, compares := l.Destination.(job.Comparer)
	return l.Mode == job.ModeAppend && !compares
}

// identify records the state's owner, and refuses a state of another connector. One without an id of its own may be renamed.
func (c *Connector) identify(ctx context.Context) error {
	if c.plan.Identity.ID == "" {
		return nil
	}
	if err := c.state.Identify(ctx, whose(c.plan, c.options.State)); err != nil {
		return fmt.Errorf("open %s: %w", c.options.State, err)
	}
	return nil
}

// keeper keeps the copy of the open state up to date; nil: there is none.
func (c *Connector) keeper() *backup.Keeper {
	if c.backups == nil || c.options.Test || c.options.Only != "" {
		return nil
	}
	return &backup.Keeper{Backups: c.backups, Ledger: c.state, Alerts: c.alerts, Log: c.log}
}

// askBucket checks that the bucket answers.
func (c *Connector) askBucket(ctx context.Context, l *finding.List) {
	if c.backups == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	newest, err := c.backups.Newest(ctx)
	switch {
	case errors.Is(err, backup.ErrNone):
		l.Warnf("bucket", "", "answers, and has no backup yet: the first run is followed by one")
	case err != nil:
		l.Wrongf("bucket", "", "%v", err)
	default:
		l.Rightf("bucket", "answers; the newest backup is of %s", newest.At.Format(time.RFC3339))
	}
}
