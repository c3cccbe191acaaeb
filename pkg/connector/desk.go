package connector

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// Desk shows what a plan's jobs have done, according to the state: with the connector that is running, beside one, or
// without one.
type Desk struct {
	plan  *plan.Plan
	file  string
	state *ledger.Ledger // nil: there is none yet
}

// NewDesk returns a desk for a state, which may be nil if there is none yet.
func NewDesk(p *plan.Plan, file string, state *ledger.Ledger) *Desk { return &Desk{p, file, state} }

// Status returns the jobs in the order of the plan.
func (d *Desk) Status(ctx context.Context) (*api.Status, error) {
	s := &api.Status{ID: identity(d.plan, d.file), Tags: d.plan.Identity.Tags, State: d.file, Alerts: []api.Alert{}}
	s.Name = cmp.Or(d.plan.Identity.Name, s.ID)
	var known []ledger.Job
	if d.state != nil {
		var err error
		if known, err = d.state.Jobs(ctx); err != nil {
			return nil, err
		}
		open, err := d.state.OpenAlerts(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range open {
			s.Alerts = append(s.Alerts, api.Alert{Rule: a.Rule, Subject: a.Subject, Text: a.Text, Since: a.Since, Told: moment(a.ToldAt)})
		}
	}
	for i := range d.plan.Jobs {
		p := &d.plan.Jobs[i]
		j := api.Job{Name: p.Name, Description: p.Description, Schedule: "not scheduled", Legs: []api.Leg{}}
		if when, err := schedule.Parse(p.Schedule); err == nil {
			j.Schedule = when.String()
		}
		if at := slices.IndexFunc(known, func(k ledger.Job) bool { return k.Name == p.Name }); at >= 0 {
			k := &known[at]
			if !k.PausedAt.IsZero() {
				j.Paused = &api.Paused{Since: k.PausedAt, Reason: k.Reason}
			}
			j.Next = moment(k.NextAt)
			for _, l := range k.Legs {
				j.Legs = append(j.Legs, api.Leg{Destination: l.Destination, Known: l.Known, Waiting: l.Waiting, Refused: l.Refused, Settled: l.Settled.Value, Adopted: moment(l.AdoptedAt)})
			}
			last, err := d.Runs(ctx, api.Which{Job: p.Name, Limit: 1})
			if err != nil {
				return nil, err
			}
			if len(last) > 0 {
				j.Last = &last[0]
			}
		}
		s.Jobs = append(s.Jobs, j)
	}
	return s, nil
}

// Runs returns runs, the newest first.
func (d *Desk) Runs(ctx context.Context, w api.Which) ([]api.Run, error) {
	if w.Job != "" && !d.has(w.Job) {
		return nil, d.unknown(w.Job)
	}
	if d.state == nil {
		return nil, nil
	}
	list, err := d.state.Runs(ctx, ledger.Which{Job: w.Job, State: w.State, Open: w.Open, Before: w.Before, Limit: w.Limit})
	if err != nil {
		return nil, err
	}
	var out []api.Run
	for i := range list {
		r := &list[i]
		out = append(out, api.Run{
			ID: r.ID, Job: r.Job, Kind: r.Kind, Occurrence: r.Occurrence, ReportDate: r.ReportDate, Repeats: r.Repeats, State: r.State, Started: r.Started, Ended: moment(r.Ended),
			Failure: api.Failure(r.Failure), Counts: api.Counts(r.Counters),
		})
	}
	return out, nil
}

// Refused returns a job's refused rows with ids above after, oldest first.
func (d *Desk) Refused(ctx context.Context, job string, after int64, limit int) ([]api.Refused, error) {
	if !d.has(job) {
		return nil, d.unknown(job)
	}
	if d.state == nil {
		return nil, nil
	}
	list, err := d.state.RefusedOf(ctx, job, after, limit)
	if err != nil {
		return nil, err
	}
	var out []api.Refused
	for i := range list {
		r := &list[i]
		out = append(out, api.Refused{ID: r.ID, Destination: r.Destination, Key: r.Key, Delete: r.Delete, Reason: r.Reason, Tries: r.Tries, At: r.At, Row: r.Data})
	}
	return out, nil
}

// has reports whether the plan has a job.
func (d *Desk) has(job string) bool {
	return slices.ContainsFunc(d.plan.Jobs, func(j plan.Job) bool { return j.Name == job })
}

// unknown returns an error that lists the jobs.
func (d *Desk) unknown(job string) error {
	var names []string
	for i := range d.plan.Jobs {
		names = append(names, d.plan.Jobs[i].Name)
	}
	return fmt.Errorf("%w %q; the jobs are %s", api.ErrNoJob, job, strings.Join(names, ", "))
}

// identity is the connector's name: from its configuration, or else from its state file.
func identity(p *plan.Plan, file string) string {
	return cmp.Or(p.Identity.ID, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
}

// moment is a time, or nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
