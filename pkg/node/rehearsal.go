package node

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// loadRehearsal loads the scripts once more, to be asked what they would make of a
// row: what they write is not written, and what they publish not published.
func (n *work) loadRehearsal() error {
	n.rehearsal = transform.New(zap.NewNop(), render.OnlyReading{Guests: n.guests}, silent{}, transform.Config{Directory: n.cfg.TransformerDirectory, MaxRow: n.cfg.LargestRow()})
	if err := n.rehearsal.Load(n.cfg.Tables()); err != nil {
		return fmt.Errorf("transformerDirectory: %w", err)
	}
	return nil
}

// silent is a Publisher that publishes nothing.
type silent struct{}

func (silent) Publish(context.Context, string, []byte, byte, bool) error { return nil }

// verifyEvents hear of what the verifier does; see verify.Events.
type verifyEvents struct{ w *work }

// Marked has rows sent that were marked.
func (e verifyEvents) Marked(remote string) {
	if s := e.w.senders[remote]; s != nil {
		s.Marked()
	}
}

// Compared notes how a table compares, and ends what was in doubt of it.
func (e verifyEvents) Compared(ctx context.Context, c status.Comparison) error {
	e.w.Running.Compared(c)
	return e.w.doubts.Settle(ctx, doubt.Own{DB: e.w.db}, c.Table)
}

// Settled tells who sent the changes.
func (e verifyEvents) Settled(ctx context.Context) { e.w.in.answers.TellFreed(ctx) }

// Panicked tells of it.
func (e verifyEvents) Panicked(err any, stack []byte) { e.w.panicked("question", err, stack) }
