package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/publish"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

const (
	minute  = time.Minute      // how often the published tables are updated
	rowsMax = 1000             // of a schedule table
	askMost = 15 * time.Second // how long reading it may take
)

// publishing is the tables in which people watch and control the connector.
type publishing struct {
	overview, logs, reports *scheduled // nil: none
	schedule                func(ctx context.Context) ([][]byte, error)
	beaten                  time.Time // when the heartbeat was last written
	written                 [2]int64  // the last run and note in the log
	unread                  string    // why the schedule table could not be read, as last logged; "": it was read
}

// publishing makes what the block publish describes; nil: nothing.
func (c *Connector) publishing(accounts map[string]account) (*publishing, error) {
	if c.plan.Publish == nil {
		return nil, nil
	}
	var config publish.Config
	if err := c.plan.Publish.Decode(&config); err != nil {
		return nil, err
	}
	to, ok := c.plan.Destinations[config.Destination]
	open := accounts[config.Destination]
	switch {
	case !ok:
		return nil, fmt.Errorf("destination: there is no destination %q", config.Destination)
	case to.Wrong:
		return nil, nil // its mistake is reported
	case !slices.Contains([]string{"airtable", "mysql", "mariadb", "postgres", "sqlite", "mssql"}, to.Type):
		return nil, fmt.Errorf("destination: %q has no tables; use one of Airtable or a database", to.Type)
	case open == nil:
		return nil, nil // the destination's mistake is reported
	}
	w := &publishing{}
	state := func() publish.State { return c.state }
	for _, t := range []struct {
		into   **scheduled
		table  string
		source *publish.Table
		mode   job.Mode
	}{
		{&w.overview, config.Overview, publish.Overview(identity(c.plan, c.options.State), time.Now), job.ModeUpdate},
		{&w.logs, config.Logs, publish.Logs(state), job.ModeReplace},
		{&w.reports, config.Reports, publish.Reports(state), job.ModeUpdate},
	} {
		if t.table == "" {
			continue
		}
		p := &plan.Job{
			Name: ledger.Inner + t.source.Name, From: plan.From{Source: "state", Rows: job.From{Key: []string{t.source.Key}}}, Guard: diff.Guard{Off: true},
			To: []plan.Leg{{Destination: config.Destination, Mode: t.mode, Settings: tableOf(to, t.table)}},
		}
		j, list := c.job(p, map[string]origin{"state": func(plan.Settings, *job.From) (job.Source, error) { return t.source, nil }}, accounts)
		if len(list) > 0 {
			return nil, fmt.Errorf("%s: %w", t.source.Name, list[0])
		}
		*t.into = j
	}
	var err error
	if config.Schedule != "" {
		if w.schedule, err = c.scheduleTable(to, open, config); err != nil {
			return nil, fmt.Errorf("schedule: %w", err)
		}
	}
	return w, nil
}

// tableOf returns the settings of a leg to a table.
func tableOf(to plan.Adapter, table string) plan.Settings {
	if to.Type == "airtable" {
		return plan.Settings{"table": table, "typecast": true}
	}
	return plan.Settings{"table": table}
}

// scheduleTable returns what reads the schedule table: a source, or a destination that can be read back.
func (c *Connector) scheduleTable(to plan.Adapter, open account, config publish.Config) (func(context.Context) ([][]byte, error), error) {
	if to.Type == "airtable" {
		leg, err := open(&plan.Job{}, &plan.Leg{Destination: config.Destination, Mode: job.ModeAppend, Settings: plan.Settings{"table": config.Schedule, "readBack": true}})
		if err != nil {
			return nil, err
		}
		table, ok := leg.Destination.(job.Comparer)
		if !ok {
			return nil, errors.New("cannot be read")
		}
		return collected(func(ctx context.Context, yield func([]byte) error) error {
			return table.Rows(ctx, func(s job.Stored) error { return yield(s.Data) })
		}), nil
	}
	origin, err := c.source(to)
	if err != nil {
		return nil, err
	}
	from := job.From{}
	source, err := origin(plan.Settings{"table": config.Schedule}, &from)
	if err != nil {
		return nil, err
	}
	return collected(func(ctx context.Context, yield func([]byte) error) error {
		return source.Read(ctx, job.Request{From: from}, func(r *record.Record) error { return yield(r.Data) })
	}), nil
}

// collected returns all rows that a reader yields.
func collected(read func(ctx context.Context, yield func([]byte) error) error) func(context.Context) ([][]byte, error) {
	return func(ctx context.Context) (rows [][]byte, err error) {
		ctx, cancel := context.WithTimeout(ctx, askMost)
		defer cancel()
		err = read(ctx, func(data []byte) error {
			if len(rows) == rowsMax {
				return fmt.Errorf("it has more than %d rows", rowsMax)
			}
			rows = append(rows, slices.Clone(data))
			return nil
		})
		return rows, err
	}
}

// publish keeps the published tables up to date until ctx ends.
func (c *Connector) publish(ctx context.Context) {
	every := minute
	if c.options.Minute > 0 {
		every = c.options.Minute
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.reschedule(ctx)
		c.publishOnce(ctx, time.Now())
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// publishOnce writes what has changed.
func (c *Connector) publishOnce(ctx context.Context, now time.Time) {
	w := c.published
	write := func(j *scheduled) bool {
		if j == nil {
			return true
		}
		j.Ledger = c.state
		_, err := j.Run(ctx, job.Cause{Kind: job.Manual}) // which logs why it failed
		return err == nil
	}
	if w.beaten.IsZero() || now.Sub(w.beaten) >= publish.Beat {
		if write(w.overview) {
			w.beaten = now
		}
	}
	newest, err := c.newest(ctx)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("could not read what to publish", zap.Error(err))
		}
		return
	}
	if newest != w.written {
		logs, reports := write(w.logs), write(w.reports)
		if logs && reports {
			w.written = newest
		}
	}
}

// newest returns the numbers of the last finished run, and of the last note.
func (c *Connector) newest(ctx context.Context) (n [2]int64, err error) {
	runs, err := c.state.Runs(ctx, ledger.Which{Limit: 100})
	if err != nil {
		return n, err
	}
	for i := range runs {
		if runs[i].State != ledger.Running {
			n[0] = max(n[0], runs[i].Ended.UnixNano())
		}
	}
	notes, err := c.state.Notes(ctx, 1)
	if err == nil && len(notes) > 0 {
		n[1] = notes[0].ID
	}
	return n, err
}

// reschedule applies what people have edited in the schedule table. Anything unreadable or invalid changes nothing.
func (c *Connector) reschedule(ctx context.Context) {
	if c.published.schedule == nil {
		return
	}
	rows, err := c.published.schedule(ctx)
	if err != nil {
		if ctx.Err() == nil && err.Error() != c.published.unread { // once, not every minute
			c.published.unread = err.Error()
			c.log.Warn("schedule table not read: the schedules stay as they are", zap.Error(err))
		}
		return
	}
	c.published.unread = ""
	var names []string
	for _, j := range c.jobs {
		names = append(names, j.Name)
	}
	edits := publish.Read(rows, names, func(name string) bool {
		j, err := c.find(name)
		return err == nil && j.configured.OnStart()
	})
	for name, why := range edits.Bad {
		c.noteEdit(ctx, name, "schedule refused", why)
	}
	for _, j := range c.jobs {
		next := edits.Good[j.Name]
		if next == nil {
			next = j.configured
		}
		if edits.Bad[j.Name] != "" || next.String() == j.schedule().String() {
			continue
		}
		j.edit(next)
		c.noteEdit(ctx, j.Name, "schedule", next.String())
	}
}

// noteEdit notes an edit, once.
func (c *Connector) noteEdit(ctx context.Context, name, event, what string) {
	isNew, err := c.state.Note(ctx, name, event, what)
	switch {
	case err != nil:
		c.log.Warn("edit of a schedule not noted", zap.String("job", name), zap.Error(err))
	case isNew && event == "schedule":
		c.log.Info("schedule edited", zap.String("job", name), zap.String("schedule", what))
	case isNew:
		c.log.Warn("edit of a schedule refused", zap.String("job", name), zap.String("reason", strings.TrimSpace(what)))
	}
}

// schedule returns when the job runs, as last edited.
func (j *scheduled) schedule() *schedule.Schedule {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.when
}

// edit changes when the job runs.
func (j *scheduled) edit(s *schedule.Schedule) {
	j.mu.Lock()
	j.when = s
	j.mu.Unlock()
	j.wake()
}
