package deliver

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// asideReads is how often in a row the sender reads on where all that it read was put aside.
const asideReads = 20

// putAside marks those of the rows of the stream whose tables are troubled, and returns the
// others: to refuse a row takes its time, and on the stream all others would wait for it. What
// is marked is sent as well, in turns with the stream. Promise 5.
func (s *Sender) putAside(ctx context.Context, items []outbox.Item) ([]outbox.Item, error) {
	var aside []outbox.Sent
	kept := items[:0]
	for _, i := range items {
		if s.probes.troubled(i.Table) {
			aside = append(aside, outbox.Sent{Item: i})
		} else {
			kept = append(kept, i)
		}
	}
	if len(aside) == 0 {
		return items, nil
	}
	if err := s.c.Outbox.Later(ctx, s.remote, aside); err != nil {
		return nil, err
	}
	s.marks.found()
	return kept, nil
}
