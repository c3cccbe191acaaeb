package render

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// notedRows is how many rows are recorded at a time.
const notedRows = 1000

// Note records the next rows of a table under their own ids, under which they were sent. A row last written by the
// remote itself was not sent to it.
func (n *Renderer) Note(ctx context.Context, remote string, at *outbox.Noting) (noted int, finished bool, err error) {
	t, err := n.Tables.FreshAtOnce(ctx, at.Table)
	if err != nil {
		return 0, false, err
	}
	rows, err := n.Keys(ctx, t, at.After, notedRows)
	if err != nil {
		return 0, false, err
	}
	states, err := version.Read(ctx, n.DB, rows)
	if err != nil {
		return 0, false, err
	}
	held := make([]outbox.Sent, 0, len(rows))
	for _, r := range rows {
		at.After = []byte(r.Key)
		if states[r].WrittenBy(remote) {
			continue
		}
		id, err := t.ID(r.Key)
		if err != nil {
			return 0, false, err
		}
		held = append(held, outbox.Sent{Item: outbox.Item{Row: r}, As: id})
	}
	finished = len(rows) < notedRows
	return len(held), finished, n.Sent.Note(ctx, remote, *at, held, finished)
}

// Transforms reports whether a table has a transformer.
func (n *Renderer) Transforms(table string) bool { return n.Transformers.Has(table) }

// Transformed returns the tables whose rows a transformer changes, or holds back, on their way out.
func (n *Renderer) Transformed() []string {
	var list []string
	for _, t := range n.Synced {
		if n.Transformers.Has(t) {
			list = append(list, t)
		}
	}
	return list
}
