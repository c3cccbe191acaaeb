package renew

import (
	"context"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Refused gives rows that a remote refused a current version if theirs is too far ahead by this node's clock too: a
// clock was wrong when they were written, and no remote whose clock is right would ever accept them. That shows only
// after it was corrected: two clocks must agree, or one that is behind would undo what is right.
func (w *Writer) Refused(ctx context.Context, failed []outbox.Failure) error {
	rows := make([]change.Row, len(failed))
	for i := range failed {
		rows[i] = failed[i].Row
	}
	states, err := version.Read(ctx, w.DB, rows)
	if err != nil {
		return err
	}
	rows = rows[:0]
	for r, s := range states {
		if conflict.TooFarAhead(s.Version, change.Micros(w.Now())) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	renewed, err := w.renew(ctx, rows, func(_ change.Row, s change.State, now int64) (change.State, bool) {
		return conflict.Next(conflict.Believed(s, now), now, w.Origin), conflict.TooFarAhead(s.Version, now) // it may have been written meanwhile
	})
	if len(renewed) > 0 {
		w.Log.Warn("rows were refused because they were written while a clock was far ahead; they now count as just written", zap.Int("rows", len(renewed)))
	}
	return err
}
