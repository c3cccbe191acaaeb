package receive

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Opened is a batch that was opened and checked elsewhere.
type Opened struct {
	Sender string // one of Config.Named
	Batch  *wire.Batch
}

// RunOpened is Run for a caller that plays the broker and the transformers: next waits at most this long for a batch;
// not at all if wait is 0, indefinitely if it is negative.
func (r *Receiver) RunOpened(ctx context.Context, a Applier, next func(wait time.Duration) (Opened, bool)) error {
	r.applier = a
	r.take = func(_ context.Context, wait time.Duration) (turn, bool) {
		o, ok := next(wait)
		if !ok {
			return turn{}, false
		}
		x := &load{lane: r.lane(o.Sender)}
		w := &work{message: message{sender: o.Sender, ack: func() {}}, batch: o.Batch}
		x.works = append(x.works, w)
		for i := range o.Batch.Changes {
			x.add(w, i, apply.Incoming{Change: o.Batch.Changes[i], From: o.Sender}, nil)
		}
		return turn{load: x, to: len(x.changes)}, true
	}
	return r.rounds(ctx)
}
