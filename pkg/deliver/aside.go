package deliver

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// asideReads is how many times in a row the sender reads on when everything it read was put aside.
const asideReads = 20

// putAside marks those rows of the stream whose tables are troubled, and returns the others: refusing a row takes time,
// and in the stream all others would wait for it. Marked rows are sent too, taking turns with the stream. Promise 5.
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
