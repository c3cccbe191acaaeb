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

// settleHeld finds out about changes that rows here hold up, until ctx ends: either their senders have changes of these
// rows on the way, which are waited for, or did not know them, which is a conflict and is then decided.
func (vf *Verifier) settleHeld(ctx context.Context) error {
	later := map[string]time.Time{} // for a remote that did not answer
	var news unsettled
	for pause.For(ctx, time.Second) == nil {
		for _, h := range vf.Applier.Held(vf.Now().Add(-settleAfter), settleMost) {
			if !vf.Mesh.Online(h.From) || vf.Now().Before(later[h.From]) {
				continue
			}
			strange, err := vf.strange(ctx, h)
			if err == nil && len(strange) > 0 {
				err = vf.Applier.Settle(ctx, h, strange)
				vf.Events.Settled(ctx)
			}
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				news.success(h.From)
				continue
			}
			level := zap.DebugLevel
			if news.failure(vf.Now(), h.From, err) {
				level = zap.WarnLevel
			}
			vf.Log.Log(level, "a change waits for rows that refer to its row, and its sender cannot be asked about them", zap.String("remote", h.From),
				zap.String("table", h.Table), zap.String("error", wire.Shorten(err.Error(), 500)))
			later[h.From] = vf.Now().Add(settleAgain)
		}
	}
	return nil
}

// strange returns the rows that hold up a change and of which its sender has nothing to send.
func (vf *Verifier) strange(ctx context.Context, h apply.Held) ([]change.Row, error) {
	byTable := map[string][]change.Row{}
	for _, r := range h.Refer {
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
			err := vf.askValues(ctx, h.From, wire.Question{Table: table, Columns: keyNames(t), Keys: keys}, func(a wire.Answer) {
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
