package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// When to ask about a change that rows here hold up. What its origin did to them is usually in the next message.
const (
	settleAfter = 2 * time.Second
	settleMost  = 100 // changes at a time
	settleKeys  = 500 // of a question
	settleAgain = 10 * time.Second
)

// Settling finds out about changes that rows here hold up: either their senders have changes of these rows on the way,
// which are waited for, or did not know them, which is a conflict and is then decided. It belongs to one goroutine.
type Settling struct {
	Now     func() time.Time
	Applier Holder
	Online  func(remote string) bool
	// Strange asks a remote of which of some rows it has nothing to send.
	Strange func(ctx context.Context, remote string, rows []change.Row) ([]change.Row, error)
	Settled func(ctx context.Context)
	Failed  func(h apply.Held, err error)
	Asked   func(remote string) // it could be asked
	later   map[string]time.Time
}

// Holder holds changes for the sake of rows that refer to theirs; see apply.Applier.
type Holder interface {
	Held(before time.Time, most int) []apply.Held
	Settle(ctx context.Context, h apply.Held, strangers []change.Row) error
}

// Step asks about the changes that have waited for long enough.
func (s *Settling) Step(ctx context.Context) {
	for _, h := range s.Applier.Held(s.Now().Add(-settleAfter), settleMost) {
		if !s.Online(h.From) || s.Now().Before(s.later[h.From]) {
			continue
		}
		strange, err := s.Strange(ctx, h.From, h.Refer)
		if err == nil && len(strange) > 0 {
			err = s.Applier.Settle(ctx, h, strange)
			s.Settled(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			s.Asked(h.From)
		default:
			s.Failed(h, err)
			if s.later == nil {
				s.later = map[string]time.Time{}
			}
			s.later[h.From] = s.Now().Add(settleAgain)
		}
	}
}

// settleHeld settles what is held until ctx ends.
func (vf *Verifier) settleHeld(ctx context.Context) error {
	var news unsettled
	s := &Settling{Now: vf.Now, Applier: vf.Applier, Online: vf.Mesh.Online, Strange: vf.strange, Settled: vf.Events.Settled, Asked: news.success, Failed: func(h apply.Held, err error) {
		level := zap.DebugLevel
		if news.failure(vf.Now(), h.From, err) {
			level = zap.WarnLevel
		}
		vf.Log.Log(level, "a change waits for rows that refer to its row, and its sender cannot be asked about them", zap.String("remote", h.From),
			zap.String("table", h.Table), zap.String("error", wire.Shorten(err.Error(), 500)))
	}}
	for pause.For(ctx, time.Second) == nil {
		s.Step(ctx)
	}
	return nil
}

// strange returns those of the rows of which a remote has nothing to send.
func (vf *Verifier) strange(ctx context.Context, remote string, refer []change.Row) ([]change.Row, error) {
	byTable := map[string][]change.Row{}
	for _, r := range refer {
		byTable[r.Table] = append(byTable[r.Table], r)
	}
	var strange []change.Row
	for table, rows := range byTable {
		t, err := vf.Tables.Table(ctx, table)
		if !vf.Node.Receives(table) || err != nil {
			continue // nothing can come for it: apply knows that
		}
		for part := range slices.Chunk(rows, settleKeys) {
			keys := make([][]byte, len(part))
			for i, r := range part {
				keys[i] = []byte(r.Key)
			}
			settled := map[string]bool{}
			err := vf.askValues(ctx, remote, wire.Question{Table: table, Columns: keyNames(t), Keys: keys}, func(a wire.Answer) {
				for _, v := range a.Values {
					settled[string(v.Key)] = !v.Pending
				}
			})
			if err != nil && !strings.Contains(err.Error(), notSynced) {
				return nil, fmt.Errorf("ask about rows of %s: %w", table, err)
			}
			for _, r := range part {
				if err != nil || settled[r.Key] { // nothing is known about a row that is not in the answer
					strange = append(strange, r)
				}
			}
		}
	}
	return strange, nil
}

// keyNames returns the names of a table's key columns.
func keyNames(t *schema.Table) []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}
