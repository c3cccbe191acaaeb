package alert

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// State is the rule for a state file that cannot be written, as on a full disk. Its alert cannot be recorded there either:
// it is sent from memory, once per process and target.
const State = "state"

// unwritten says what keeps the state from being written.
type unwritten struct {
	mu    sync.Mutex
	since time.Time // zero: nothing
	why   string
}

// set records the reason, nil for none, and reports whether writing has begun or ceased to fail.
func (u *unwritten) set(err error) (changed bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed = (err == nil) != u.since.IsZero()
	switch {
	case err == nil:
		u.since = time.Time{}
	case u.since.IsZero():
		u.since, u.why = time.Now(), err.Error()
	}
	return changed
}

// look returns since when, and why.
func (u *unwritten) look() (since time.Time, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.since, u.why
}

// written checks whether the state can be written.
func (a *Alerts) written(ctx context.Context) {
	err := a.Ledger.Unwritten(ctx)
	if ctx.Err() != nil {
		return
	}
	changed := a.state.set(err)
	switch {
	case changed && err != nil:
		a.Log.Error("the state cannot be written", zap.Error(err))
	case changed:
		a.Log.Info("the state can be written again")
	}
}

// recall tells a target that the state cannot be written, or can be again, unless the target already knows.
func (a *Alerts) recall(ctx context.Context, t *target) {
	since, why := a.state.look()
	if since.Equal(t.knows) {
		return
	}
	l := ledger.Alert{Rule: State, Subject: a.who.ID, Text: why, Since: since}
	if since.IsZero() {
		l.Over, l.Since, l.OverAt = true, t.knows, time.Now()
	}
	m := a.message("", l)
	m.id = uuid.NewString()
	if err := t.send(ctx, &m); err != nil {
		if ctx.Err() == nil {
			a.Log.Warn("alert not sent yet", zap.String("target", t.name), zap.String("rule", State), zap.Duration("again in", every), zap.Error(err))
		}
		return
	}
	a.Log.Info("alert sent", zap.String("target", t.name), zap.String("rule", State), zap.Bool("over", l.Over))
	t.knows = since
}
