package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// When it is asked about a change that rows here hold up. What its origin did to them
// is mostly in the next message.
const (
	settleAfter = 2 * time.Second
	settleMost  = 100 // changes at a time
	settleKeys  = 500 // of a question
	settleAgain = 10 * time.Second
)

// settleHeld finds out about changes that rows here hold up, until ctx ends: whether
// their senders have changes of these rows on the way, which are waited for, or did
// not know them. Then it is a conflict, and decided.
func (n *Node) settleHeld(ctx context.Context) error {
	later := map[string]time.Time{} // of a remote that did not answer
	for {
		if err := sleep(ctx, time.Second); err != nil {
			return nil
		}
		for _, h := range n.applier.Held(n.now().Add(-settleAfter), settleMost) {
			if !n.presence.Online(h.From) || n.now().Before(later[h.From]) {
				continue
			}
			strange, err := n.strange(ctx, h)
			if err == nil && strange {
				err = n.applier.Settle(ctx, h)
			}
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				n.log.Debug("a change that waits for rows that refer to its row is not settled yet", zap.String("table", h.Table), zap.Error(err))
				later[h.From] = n.now().Add(settleAgain)
			}
		}
	}
}

// strange reports whether the sender of a held change has nothing to send of the rows
// that hold it.
func (n *Node) strange(ctx context.Context, h apply.Held) (bool, error) {
	byTable := map[string][][]byte{}
	for _, r := range h.Refer {
		byTable[r.Table] = append(byTable[r.Table], []byte(r.Key))
	}
	for table, keys := range byTable {
		if !n.cfg.Receives(table) {
			continue // nothing can come for it
		}
		t, err := n.tables.Table(ctx, table)
		if err != nil {
			return false, err
		}
		for part := range slices.Chunk(keys, settleKeys) {
			a, err := n.ask(ctx, h.From, wire.Question{Ask: wire.AskValues, Table: table, Columns: keyNames(t), Keys: part})
			if err != nil && strings.Contains(a.Error, notSynced) {
				break // nothing will come of it
			}
			if err != nil {
				return false, fmt.Errorf("ask about rows of %s: %w", table, err)
			}
			if slices.ContainsFunc(a.Values, func(v wire.VerifyValue) bool { return v.Pending }) {
				return false, nil
			}
		}
	}
	return true, nil
}

// keyNames returns the names of a table's key columns.
func keyNames(t *schema.Table) []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}
