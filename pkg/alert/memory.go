package alert

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// State is the rule of a state file that cannot be written, as on a full disk. Its alert cannot be noted there either: it
// is told from memory, once by each process to each target.
const State = "state"

// unwritten is what keeps the state from being written.
type unwritten struct {
	mu    sync.Mutex
	since time.Time // zero: nothing
	why   string
}

// set notes what keeps it, nil for nothing, and reports whether that is news.
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

// look returns it.
func (u *unwritten) look() (since time.Time, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.since, u.why
}

// written looks whether the state can be written.
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

// recall tells a target that the state cannot be written, or can be again, if it does not know.
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
