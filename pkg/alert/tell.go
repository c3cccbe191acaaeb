package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// target is where alerts are sent.
type target struct {
	name     string
	client   *remote.Client
	body     func(*message) any
	accepted func(*remote.Response) bool // nil: a status of 2xx suffices
	woken    chan struct{}               // there may be something to send
	knows    time.Time                   // since when the state cannot be written, as last sent to it
}

const (
	longestPause = 10 * time.Minute
	// broken is how long a target is left alone if a person must fix its address or credentials.
	broken = time.Hour
)

// tell sends a target the alerts that it has not been sent yet, until ctx ends.
func (a *Alerts) tell(ctx context.Context, t *target) {
	for ctx.Err() == nil {
		sleep, more := a.next(ctx, t)
		if more {
			continue
		}
		woken := t.woken
		if sleep == broken {
			woken = nil
		}
		timer := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-woken:
		}
		timer.Stop()
	}
}

// Deliver sends all due alerts once, for a connector that then exits. Those that fail stay in the state.
func (a *Alerts) Deliver(ctx context.Context) {
	for _, t := range a.targets {
		for more := true; more && ctx.Err() == nil; {
			_, more = a.next(ctx, t)
		}
	}
}

// next sends a target one alert. It reports whether there may be more, or how long to wait.
func (a *Alerts) next(ctx context.Context, t *target) (sleep time.Duration, more bool) {
	a.recall(ctx, t)
	sleep, more, err := a.one(ctx, t)
	if err != nil && ctx.Err() == nil {
		a.Log.Warn("could not record a sent alert", zap.String("target", t.name), zap.Error(err))
		return every, false
	}
	return sleep, more
}

// one does the work of next. The error is the state's.
func (a *Alerts) one(ctx context.Context, t *target) (sleep time.Duration, more bool, err error) {
	l, ok, due, err := a.Ledger.NextAlert(ctx, t.name)
	switch {
	case err != nil:
		return 0, false, err
	case !ok && due.IsZero():
		return every, false, nil
	case !ok:
		return max(time.Until(due), time.Millisecond), false, nil
	}
	who, err := a.Ledger.Identity(ctx)
	if err != nil {
		return 0, false, err
	}
	if err := a.Ledger.Telling(ctx, t.name, l); err != nil {
		return 0, false, err
	}
	m := a.message(who.Life, l)
	log := a.Log.With(zap.String("target", t.name), zap.String("rule", l.Rule), zap.String("subject", l.Subject))
	failed := t.send(ctx, &m)
	ctx = context.WithoutCancel(ctx) // record the answer even when stopping
	if failed == nil {
		log.Info("alert sent", zap.Bool("over", l.Over))
		return 0, true, a.Ledger.Told(ctx, t.name, l)
	}
	next := remote.Next{Do: remote.Retry}
	status := 0
	if e, ok := errors.AsType[*remote.Error](failed); ok {
		next, status = e.Next, e.Status
	}
	pause := max(min(a.pause<<min(l.Tries, 20), longestPause), next.After)
	doubt := next.Do == remote.Doubt
	switch {
	case status == http.StatusBadRequest || next.Do == remote.RowRefused || next.Do == remote.Halve: // this message is at fault
		log.Error("alert refused: it is dropped", zap.Error(failed))
		return 0, true, a.Ledger.Told(ctx, t.name, l)
	case next.Do == remote.Stop:
		log.Error("alerts cannot be sent", zap.Duration("again in", broken), zap.Error(failed))
		return broken, false, a.Ledger.NotTold(ctx, t.name, l, doubt, time.Now())
	}
	log.Warn("alert not sent yet", zap.Duration("again in", pause), zap.Error(failed))
	return pause, false, a.Ledger.NotTold(ctx, t.name, l, doubt, time.Now().Add(pause))
}

// errAnswer means that something other than the intended service has answered.
var errAnswer = errors.New("the answer is not from an incoming webhook")

// send sends a message.
func (t *target) send(ctx context.Context, m *message) error {
	body, err := json.Marshal(t.body(m))
	if err != nil {
		return fmt.Errorf("send an alert: %w", err)
	}
	r := &remote.Request{Operation: "send an alert", Method: http.MethodPost, Body: body, Header: http.Header{}, Unread: t.accepted == nil, MaxBytes: 1 << 16}
	r.Header.Set("Idempotency-Key", m.id)
	answer, err := t.client.Do(ctx, r)
	if err == nil && t.accepted != nil && !t.accepted(answer) {
		err = errAnswer
	}
	return err
}
