package connector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// scheduled is a job, when it runs, and the run in progress.
type scheduled struct {
	*job.Job
	when       *schedule.Schedule // as last edited; use schedule
	configured *schedule.Schedule
	full       *schedule.Schedule // of runs that read all rows despite a watermark; nil: none
	catchUp    time.Duration
	first      *scheduled // runs before each run of this one; nil: none
	led        bool       // it runs before another one
	report     *report    // nil: it makes no reports
	skip       bool       // skip runs that come due while the job is running
	follows    bool       // it runs when rows have arrived

	calls

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the run in progress; nil: none
	ended  api.Ended
	last   *ledger.Run // the last one that ended; nil if it could not start
}

// calls ask a job's loop to run it, besides its schedule, and show whether the loop still looks.
type calls struct {
	orders chan order    // a person's; accepted only while nothing runs
	woken  chan struct{} // it may run again
	news   atomic.Bool   // rows have arrived, and the job runs on change
	awake  wake
}

// order is a run requested by a person.
type order struct {
	cause job.Cause
	ended chan error
}

// Pauses between retries of what a failed run has left.
const (
	firstRetry   = time.Minute
	longestRetry = 15 * time.Minute
)

// newsPause is the pause between two runs on change: changes that arrive meanwhile share a run.
const newsPause = time.Second

// There may be one each second: only the last keptNews are kept, and pruned fewNews at a time.
const (
	keptNews = 1000
	fewNews  = 100
)

// keeper runs one job on its schedule, on request, and again after a failed run, with pauses that
// double.
type keeper struct {
	*scheduled
	last  time.Time     // when the schedules were last checked
	pause time.Duration // before the next retry; 0: no retry is due
	again time.Time     // when to retry
	rest  job.Cause     // of the next retry
	fed   time.Time     // when the last run on change began
	feeds int           // how many there were
	next  time.Time     // as last recorded
}

// keep runs a job until ctx ends. last is when its schedule was last checked, and failed the outcome of the run at
// startup. Whatever an earlier process left undone is done at once. Promise 1.
func (c *Connector) keep(ctx context.Context, j *scheduled, last time.Time, failed error) {
	k := &keeper{scheduled: j, last: last}
	k.over(failed)
	if errors.Is(failed, errUnfinished) {
		k.again = time.Now()
	}
	defer j.awake.busy()
	for ctx.Err() == nil {
		j.awake.due(time.Now())
		cause, sleep := k.turn(ctx, time.Now())
		if cause.Kind != "" {
			j.awake.busy()
			k.over(c.run(ctx, j, cause))
			if j.skip {
				k.last = time.Now()
			}
			continue
		}
		j.awake.due(time.Now().Add(sleep))
		select {
		case <-ctx.Done():
		case <-time.After(sleep):
		case <-j.woken:
		case o := <-j.orders:
			j.awake.busy()
			err := c.run(ctx, j, o.cause)
			o.ended <- err
			k.over(err)
		}
	}
}

// turn returns what to run now, or else how long to sleep.
func (k *keeper) turn(ctx context.Context, now time.Time) (job.Cause, time.Duration) {
	if paused, _, err := k.Ledger.Paused(ctx, k.Name); err != nil || paused {
		return job.Cause{}, time.Minute // runs that come due meanwhile are made up for
	}
	full, fullDue, sleepFull := look(k.full, k.last, now, k.catchUp)
	due, isDue, sleep := look(k.schedule(), k.last, now, k.catchUp)
	k.last = now
	k.note(ctx, now)
	switch {
	case fullDue:
		return job.Cause{Kind: job.Full, Occurrence: full.Name}, 0
	case isDue:
		return job.Cause{Kind: job.Scheduled, Occurrence: due.Name}, 0
	case k.pause > 0 && !now.Before(k.again):
		return k.rest, 0
	case k.pause > 0: // changes wait too
		sleep = min(sleep, k.again.Sub(now))
	case k.news.Load() && now.Sub(k.fed).Abs() < newsPause:
		sleep = min(sleep, newsPause)
	case k.news.Swap(false):
		k.fed = now
		if k.feeds++; k.feeds%fewNews == 0 {
			if err := k.Ledger.Prune(ctx, k.Name, job.Change, keptNews); err != nil {
				k.Log.Warn("could not forget old runs", zap.Error(err))
			}
		}
		return job.Cause{Kind: job.Change}, 0
	}
	return job.Cause{}, min(sleep, sleepFull)
}

// look is schedule.Look, or an hour without a schedule.
func look(s *schedule.Schedule, last, now time.Time, catchUp time.Duration) (schedule.Occurrence, bool, time.Duration) {
	if s == nil {
		return schedule.Occurrence{}, false, time.Hour
	}
	return s.Look(last, now, catchUp)
}

// note records when the job runs next, for people.
func (k *keeper) note(ctx context.Context, now time.Time) {
	next := time.Time{}
	for _, s := range []*schedule.Schedule{k.schedule(), k.full} {
		if s == nil {
			continue
		}
		if o, ok := s.Next(now); ok && (next.IsZero() || o.At.Before(next)) {
			next = o.At
		}
	}
	if k.pause > 0 && (next.IsZero() || k.again.Before(next)) {
		next = k.again
	}
	if next.Equal(k.next) {
		return
	}
	if err := k.Ledger.PlanNext(ctx, k.Name, next); err != nil {
		k.Log.Warn("could not record the time of the next run", zap.Error(err))
		return
	}
	k.next = next
}

// over decides when to retry what a run has left: never after a success, or after errors that only a person can fix.
func (k *keeper) over(err error) {
	switch {
	case err == nil || job.NeedsPerson(err) || errors.Is(err, context.Canceled):
		k.pause = 0
	case k.pause == 0:
		k.pause = firstRetry
	default:
		k.pause = min(2*k.pause, longestRetry)
	}
	k.again, k.rest = time.Now().Add(k.pause), job.Finishing(k.ending())
	if k.report != nil {
		k.rest = job.Cause{Kind: job.Retry} // of all dates that failed
	}
}

// errUnfinished says that an earlier process did not finish the last run of a job, or that the run failed.
var errUnfinished = errors.New("the last run was not finished")

// unfinished returns errUnfinished as the outcome of the last run if it was not finished. The second error is the state's.
func (j *scheduled) unfinished(ctx context.Context) (last, err error) {
	if j.report != nil {
		open, err := j.Ledger.Unfinished(ctx, j.Name)
		if err == nil && slices.ContainsFunc(open, func(r ledger.Run) bool { return r.ClearedAt.IsZero() }) {
			return errUnfinished, nil
		}
		return nil, err
	}
	list, err := j.Ledger.Runs(ctx, ledger.Which{Job: j.Name, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].State != ledger.Interrupted && list[0].State != ledger.Failed || !list[0].ClearedAt.IsZero() {
		return nil, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = &list[0]
	return errUnfinished, nil
}

// ending returns the last run.
func (j *scheduled) ending() *ledger.Run {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// since returns when a job's schedule was last checked: when it last ran, or now if it never has.
func (j *scheduled) since(ctx context.Context, now time.Time) time.Time {
	list, err := j.Ledger.Runs(ctx, ledger.Which{Job: j.Name, Limit: 1})
	if err != nil || len(list) == 0 {
		return now
	}
	return list[0].Started
}

// run runs a job. It logs why a run could not start; the run logs everything else.
func (c *Connector) run(ctx context.Context, j *scheduled, cause job.Cause) error {
	ctx = j.begin(ctx)
	defer j.end()
	if j.first != nil {
		if err := c.lead(ctx, j.first, cause); err != nil {
			if ctx.Err() == nil {
				j.Log.Error("job not run: the one before it has failed", zap.String("before", j.first.Name), zap.Error(err))
			}
			return fmt.Errorf("%s: %w", j.first.Name, err)
		}
	}
	if j.report != nil {
		return c.reports(ctx, j, cause)
	}
	_, err := c.one(ctx, j, cause)
	return err
}

// one runs a job once. The run is nil if it did not start.
func (c *Connector) one(ctx context.Context, j *scheduled, cause job.Cause) (*ledger.Run, error) {
	r, err := j.Run(ctx, cause)
	j.count(r)
	c.alerts.Look()
	switch {
	case errors.Is(err, ledger.ErrClaimed):
		return nil, nil
	case r == nil && err != nil && ctx.Err() == nil:
		j.Log.Error("could not start a run", zap.String("occurrence", cause.Occurrence), zap.Error(err))
	}
	return r, err
}

// lead runs a job that runs before another one, with that one's cause.
func (c *Connector) lead(ctx context.Context, first *scheduled, cause job.Cause) error {
	paused, reason, err := c.state.Paused(ctx, first.Name)
	switch {
	case err != nil:
		return err
	case paused && cause.Kind != job.Test:
		return pausedError(reason)
	}
	cause.Occurrence = "" // which is the other job's
	return c.run(ctx, first, cause)
}

// begin records that the job is running, so that it can be cancelled.
func (j *scheduled) begin(ctx context.Context) context.Context {
	j.mu.Lock()
	defer j.mu.Unlock()
	ctx, j.cancel = context.WithCancelCause(ctx)
	j.last = nil
	return ctx
}

func (j *scheduled) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancel(nil)
	j.cancel = nil
}

// count notes and counts a run that has ended.
func (j *scheduled) count(r *ledger.Run) {
	if r == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = r
	runs := maps.Clone(j.ended.Runs)
	if runs == nil {
		runs = map[string]int{}
	}
	runs[r.State]++
	j.ended.Runs = runs // other jobs read the previous one
	j.ended.Seconds += r.Ended.Sub(r.Started).Seconds()
}

// running reports whether a run is in progress.
func (j *scheduled) running() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cancel != nil
}

// turnMost is how long a keeper may take to decide whether anything is due.
const turnMost = 2 * time.Second

// order runs a job unless it is running.
func (j *scheduled) order(ctx context.Context, cause job.Cause) (<-chan error, error) {
	if j.running() {
		return nil, api.ErrRunning
	}
	o := order{cause, make(chan error, 1)}
	select {
	case j.orders <- o:
		return o.ended, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(turnMost):
		return nil, api.ErrRunning
	}
}

// Start runs a job.
func (c *Connector) Start(ctx context.Context, name string, o api.Order) (<-chan error, error) {
	j, err := c.find(name)
	if err != nil {
		return nil, err
	}
	paused, reason, err := c.state.Paused(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case paused:
		return nil, fmt.Errorf("%w; resume it first", pausedError(reason))
	}
	if err := j.takes(o, time.Now()); err != nil {
		return nil, err
	}
	cause, err := causeOf(o)
	if err != nil {
		return nil, err
	}
	return j.order(ctx, cause)
}

// causeOf is the cause of a run that an order requests.
func causeOf(o api.Order) (job.Cause, error) {
	switch o.Kind {
	case api.OrderRun:
		return job.Cause{Kind: job.Manual}, nil
	case api.OrderApprove:
		return job.Cause{Kind: job.Manual, Approved: true}, nil
	case api.OrderRetry:
		return job.Cause{Kind: job.Retry, Refused: true, Date: o.Date, Read: o.Date != ""}, nil
	case api.OrderBackfill:
		return job.Cause{Kind: job.Backfill, Date: o.Date}, nil
	}
	return job.Cause{}, fmt.Errorf("%w: unknown order %q", api.ErrRequest, o.Kind)
}

// Pause pauses a job; a run in progress continues.
func (c *Connector) Pause(ctx context.Context, name, reason string) error {
	if _, err := c.find(name); err != nil {
		return err
	}
	return c.state.Pause(ctx, name, reason)
}

// Resume resumes a job.
func (c *Connector) Resume(ctx context.Context, name string) error {
	j, err := c.find(name)
	if err != nil {
		return err
	}
	if err := c.state.Resume(ctx, name); err != nil {
		return err
	}
	j.wake()
	return nil
}

// wake makes the job check whether it should run.
func (j *scheduled) wake() {
	select {
	case j.woken <- struct{}{}:
	default:
	}
}

// Cancel ends a job's run.
func (c *Connector) Cancel(name string) error {
	j, err := c.find(name)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel == nil {
		return api.ErrIdle
	}
	j.cancel(job.ErrCancelled)
	return nil
}

// Ready returns what keeps jobs from running: nothing once the state is open.
func (c *Connector) Ready(ctx context.Context) error {
	_, err := c.state.Jobs(ctx)
	return err
}

// Status returns the jobs and what they are doing.
func (c *Connector) Status(ctx context.Context) (*api.Status, error) {
	s, err := c.Desk.Status(ctx)
	if err != nil {
		return nil, err
	}
	s.Version, s.Running, s.Started, s.ReloadError = c.options.Version, true, moment(c.began), c.options.fallen
	for i := range s.Jobs {
		if j, err := c.find(s.Jobs[i].Name); err == nil {
			s.Jobs[i].Running, s.Jobs[i].Schedule = j.running(), j.schedule().String()
			j.mu.Lock()
			s.Jobs[i].Ended = j.ended
			j.mu.Unlock()
		}
	}
	return s, nil
}

// find returns a job by its name.
func (c *Connector) find(name string) (*scheduled, error) {
	for _, j := range c.jobs {
		if j.Name == name {
			return j, nil
		}
	}
	return nil, c.unknown(name)
}

// pausedError says that a job is paused, and why if that is known.
func pausedError(reason string) error {
	if reason == "" {
		return api.ErrPaused
	}
	return fmt.Errorf("%w: %s", api.ErrPaused, reason)
}
