package alert

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

const (
	every      = time.Minute         // how often jobs are checked, besides after each run
	lately     = 50                  // how many runs of a job are checked
	remembered = 30 * 24 * time.Hour // how long an alert that is over is kept
)

// Run watches jobs and sends alerts until ctx ends.
func (a *Alerts) Run(ctx context.Context) {
	var g errgroup.Group
	for _, t := range a.targets {
		g.Go(func() error {
			a.tell(ctx, t)
			return nil
		})
	}
	tick := time.NewTicker(a.step())
	defer tick.Stop()
	for ctx.Err() == nil {
		a.Check(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-a.look:
		}
	}
	_ = g.Wait() // tell has no error
}

// step returns the time between two checks.
func (a *Alerts) step() time.Duration {
	if a.Peers == nil || a.offline <= 0 {
		return every
	}
	return min(every, max(a.offline/4, time.Second))
}

// Look makes Run check the jobs soon, because a run has ended. It never blocks.
func (a *Alerts) Look() { poke(a.look) }

// poke wakes whoever waits on a channel.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Check checks all jobs once and records the alerts to send.
func (a *Alerts) Check(ctx context.Context) {
	a.written(ctx)
	if err := a.check(ctx); err != nil && ctx.Err() == nil {
		a.Log.Warn("could not check for alerts", zap.Error(err))
	}
	for _, t := range a.targets {
		poke(t.woken)
	}
}

func (a *Alerts) check(ctx context.Context) error {
	known, err := a.Ledger.Jobs(ctx)
	if err != nil {
		return err
	}
	var all []trouble
	now := time.Now()
	for _, j := range a.Jobs {
		f, err := a.facts(ctx, j, known)
		if err != nil {
			return err
		}
		all = append(all, f.troubles(now, a.began, a.within)...)
	}
	peers, err := a.peers()
	if err != nil {
		return err
	}
	all = append(all, away(peers, now, a.offline)...)
	list, err := a.Ledger.OpenAlerts(ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(l ledger.Alert) bool {
		return l.Rule == Offline && slices.ContainsFunc(peers, func(p Peer) bool { return p.Name == l.Subject && !p.Known })
	})
	raise, settle := changes(list, all, []string{Failed, NoSuccess, Refused, Guard, Offline})
	for _, t := range raise {
		if _, err := a.Raise(ctx, t.rule, t.subject, t.text); err != nil {
			return err
		}
	}
	for _, l := range settle {
		if _, err := a.Settle(ctx, l.Rule, l.Subject); err != nil {
			return err
		}
	}
	return a.Ledger.PurgeAlerts(ctx, now.Add(-remembered))
}

func (a *Alerts) peers() ([]Peer, error) {
	if a.Peers == nil {
		return nil, nil
	}
	return a.Peers()
}

// facts returns what is known about a job.
func (a *Alerts) facts(ctx context.Context, j Job, known []ledger.Job) (*facts, error) {
	f := &facts{Job: j}
	for i := range known {
		if known[i].Name != j.Name {
			continue
		}
		f.paused = !known[i].PausedAt.IsZero()
		for _, l := range known[i].Legs {
			if l.Refused > 0 {
				f.refused = append(f.refused, l)
			}
		}
	}
	var err error
	if f.runs, err = a.Ledger.Runs(ctx, ledger.Which{Job: j.Name, Limit: lately}); err != nil {
		return nil, err
	}
	done, err := a.Ledger.Runs(ctx, ledger.Which{Job: j.Name, State: ledger.Done, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(done) > 0 {
		f.success = done[0].Started
	}
	// Whoever started a run by hand knows what it waits for.
	if held, err := job.Held(ctx, a.Ledger, j.Name); err != nil {
		return nil, err
	} else if held != nil && held.Kind == job.Full {
		f.held = held
	}
	f.first, err = a.Ledger.FirstRun(ctx, j.Name)
	return f, err
}

// Raise records a trouble, which may be of another package's rule.
func (a *Alerts) Raise(ctx context.Context, rule, subject, text string) (opened bool, err error) {
	if opened, err = a.Ledger.Raise(ctx, rule, subject, a.hide.Text(text)); opened {
		a.Log.Warn("alert raised", zap.String("rule", rule), zap.String("subject", subject))
		a.wake()
	}
	return opened, err
}

// Settle records that a trouble is over.
func (a *Alerts) Settle(ctx context.Context, rule, subject string) (was bool, err error) {
	if was, err = a.Ledger.Settle(ctx, rule, subject); was {
		a.Log.Info("alert over", zap.String("rule", rule), zap.String("subject", subject))
		a.wake()
	}
	return was, err
}

func (a *Alerts) wake() {
	for _, t := range a.targets {
		poke(t.woken)
	}
}
