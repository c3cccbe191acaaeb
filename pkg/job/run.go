package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Run reads the source and brings the changes to the destinations. It returns the run as recorded, and why it failed;
// ledger.ErrClaimed and ledger.ErrRunning mean that it did not start.
//
// An unreachable destination does not stop the reading: what it needs stays in its outbox. A Retry only sends what is
// left there, unless its cause has Read set, or a destination has to be compared.
func (j *Job) Run(ctx context.Context, c Cause) (*ledger.Run, error) {
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	c, err := j.approved(ctx, c)
	if err != nil {
		return nil, err
	}
	r := &ledger.Run{Job: j.Name, Kind: c.Kind, Occurrence: c.Occurrence, ReportDate: c.Date, Repeats: c.Repeats}
	if err := j.Ledger.Claim(ctx, r); err != nil {
		return nil, err
	}
	log := j.Log.With(zap.Int64("run", r.ID))
	started := []zap.Field{zap.String("kind", c.Kind), zap.String("occurrence", c.Occurrence)}
	if j.Description != "" {
		started = append(started, zap.String("description", j.Description))
	}
	log.Info("run started", started...)
	err = j.carry(ctx, log, r, c)
	r.State = ledger.Done
	switch {
	case errors.Is(context.Cause(ctx), ErrCancelled):
		r.State = ledger.Cancelled
	case ctx.Err() != nil:
		r.State = ledger.Interrupted
	case errors.As(err, new(*guarded)):
		r.State = ledger.Waiting
	case err != nil:
		r.State = ledger.Failed
	}
	if err != nil {
		r.Error = err.Error()
	}
	if ended := j.Ledger.End(context.WithoutCancel(ctx), r); ended != nil {
		err = errors.Join(err, ended)
		log.Error("run failed", zap.String("state", r.State), zap.String("stage", r.Stage), zap.Error(err))
		return r, err
	}
	if err := j.Ledger.Trim(context.WithoutCancel(ctx)); err != nil {
		log.Warn("could not trim the state file", zap.Error(err))
	}
	list, look := j.Ledger.Runs(context.WithoutCancel(ctx), ledger.Which{ID: r.ID})
	if look == nil && len(list) == 1 {
		r = &list[0]
	}
	fields := []zap.Field{zap.String("state", r.State), zap.Int("read", r.Read), zap.Int("sent", r.Sent), zap.Int("deleted", r.Deleted),
		zap.Int("unchanged", r.Unchanged), zap.Int("refused", r.Refused), zap.Duration("took", r.Ended.Sub(r.Started))}
	if err != nil {
		log.Error("run failed", append(fields, zap.String("stage", r.Stage), zap.Error(err))...)
		return r, err
	}
	log.Info("run ended", fields...)
	return r, nil
}

// approved returns the cause of a run. If it approves the deletes of a run that has read all rows, it must read all rows
// too: reading from the watermark on does not show which rows are gone at the source.
func (j *Job) approved(ctx context.Context, c Cause) (Cause, error) {
	if !c.Approved || c.all() {
		return c, nil
	}
	r, err := Held(ctx, j.Ledger, j.Name)
	if r != nil {
		c.Kind = Backfill
	}
	return c, err
}

// Held returns a job's last run that has read all rows despite a watermark, if it waits for a person, otherwise nil. Later
// runs that read from the watermark on do not make up for the deletes that it was not allowed to do.
func Held(ctx context.Context, l *ledger.Ledger, name string) (*ledger.Run, error) {
	var last ledger.Run
	for _, kind := range []string{Full, Backfill} {
		list, err := l.Runs(ctx, ledger.Which{Job: name, Kind: kind, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(list) == 1 && list[0].ID > last.ID {
			last = list[0]
		}
	}
	if last.State != ledger.Waiting || !last.ClearedAt.IsZero() {
		return nil, nil
	}
	return &last, nil
}

// carry reads and sends at the same time. It records the stage of a failure.
func (j *Job) carry(ctx context.Context, log *zap.Logger, r *ledger.Run, c Cause) error {
	failed := make([]error, len(j.Legs))
	reading := &reading{Job: j, log: log, run: r, cause: c, stage: stageRead}
	var g errgroup.Group
	for i, l := range j.Legs {
		n := newNews()
		reading.legs = append(reading.legs, &readingLeg{Leg: l, news: n})
		s := &sender{Leg: l, from: j.From, log: log.With(zap.String("destination", l.Name)), news: n, pause: cmp.Or(j.Pause, time.Second), room: j.Room}
		if err := s.flight().begin(ctx); err != nil {
			failed[i] = err
			continue
		}
		g.Go(func() error {
			failed[i] = s.run(ctx)
			return nil
		})
	}
	var unread error
	if c.Kind != Retry || c.Read || j.compares() {
		unread = reading.all(ctx)
	}
	var unasked error
	for _, l := range reading.legs {
		if ctx.Err() == nil { // only now: some refused rows have a newer state by now
			unasked = errors.Join(unasked, l.again(ctx, r, c))
		}
		l.news.end()
	}
	_ = g.Wait() // the errors are in failed
	failed = append(failed, unasked)
	unsent := errors.Join(failed...)
	switch {
	case unread != nil:
		r.Stage = reading.stage
	case unsent != nil:
		r.Stage = stageSend
		if e := (*remote.Error)(nil); errors.As(unsent, &e) {
			r.RequestID = e.RequestID
		}
	}
	if c.Repeats != 0 && r.Stage != "" {
		r.Stage = stageRepeat
	}
	err := errors.Join(unread, unsent)
	for _, e := range append(failed, unread) {
		if e != nil && !onlyForPerson(e) {
			return err
		}
	}
	if err == nil {
		return nil
	}
	return &forPerson{err}
}

// compares reports whether a destination is read in each run.
func (j *Job) compares() bool {
	return slices.ContainsFunc(j.Legs, func(l *Leg) bool {
		_, ok := l.compares()
		return ok
	})
}

// forPerson is an error that only a person can fix.
type forPerson struct{ error }

// Unwrap returns the error itself.
func (p *forPerson) Unwrap() error { return p.error }

// NeedsPerson reports whether retrying a failed run soon, or several whose errors are joined, would not help.
func NeedsPerson(err error) bool { return onlyForPerson(err) }

// onlyForPerson reports whether an error, or each of several joined ones, is for a person.
func onlyForPerson(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(several.Unwrap(), func(e error) bool { return !onlyForPerson(e) })
	}
	_, ok := err.(*forPerson) //nolint:errorlint // only the run's own error counts, not what it wraps
	return ok
}

// guarded is the error of a run that would delete more than its guard allows.
type guarded struct{ why string }

func (g *guarded) Error() string {
	return fmt.Sprintf("%s; if that is right: mysql-sync-connector approve, or start --once --approve-deletes", g.why)
}
