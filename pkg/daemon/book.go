package daemon

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// When a refused row is tried again. A row that waits for another is shown as
// pending for the first tries, then as an error.
const (
	soonFirst   = time.Second
	soonLongest = 30 * time.Second
	soonTries   = 6
	lateFirst   = 10 * time.Second
	lateLongest = time.Hour
)

// failure says how a row was refused and when it is tried again.
func (s *sender) failure(i outbox.Item, message string, temporary bool) outbox.Failure {
	f := outbox.Failure{Item: i, Message: message, Temporary: temporary && i.Attempts < soonTries}
	first, longest := lateFirst, lateLongest
	if temporary {
		first, longest = soonFirst, soonLongest
	}
	f.RetryAt = s.n.now().Add(min(first<<min(i.Attempts, 16), longest))
	return f
}

// book records what the remote answered since the last call.
func (s *sender) book(ctx context.Context) error {
	s.mu.Lock()
	answers := s.answers
	s.answers = nil
	s.mu.Unlock()
	var done []outbox.Sent
	var failed []outbox.Failure
	ends := make([]int, len(answers)) // of what each has acked
	for i, a := range answers {
		d, f := s.match(a)
		if done == nil {
			done = slices.Clip(d) // it may be all remotes' load
		} else {
			done = append(done, d...)
		}
		failed = append(failed, f...)
		ends[i] = len(done)
	}
	if len(failed) > 0 {
		if err := s.n.outbox.Fail(ctx, s.remote, failed); err != nil {
			return err
		}
		s.n.traffic.refused(s.remote, failed)
		s.marks.any = true
		if err := s.n.present(ctx, failed); err != nil {
			return err
		}
	}
	if len(done) == 0 {
		return nil
	}
	s.heard()
	at := s.road.reached()
	left, err := s.n.outbox.Done(ctx, s.remote, done, &at, s.marks.any)
	if err != nil {
		return err
	}
	s.road.booked(at)
	from := 0
	for _, end := range ends {
		part := done[from:end]
		s.n.traffic.sent(s.remote, len(part), func(i int) string { return part[i].Table })
		from = end
	}
	if err := s.bookTable(ctx); err != nil {
		return err
	}
	if left > 0 {
		s.marks.found() // they were marked again meanwhile
	}
	return nil
}

// match finds what an answer is about. An answer to something that is not, or no
// longer, on its way says nothing about what is due now. Promise 1.
func (s *sender) match(a answer) (done []outbox.Sent, failed []outbox.Failure) {
	if a.batch != nil {
		return s.matchBatch(*a.batch)
	}
	k := single{a.info.Table, a.info.ID}
	f := s.singles[k]
	if f == nil || f.date != a.info.Date {
		return nil, nil
	}
	if a.info.Message == wire.Failed {
		// The last answer counts, and an existing peer may still send it.
		failed = []outbox.Failure{s.failure(f.sent[0].Item, a.info.Error, false)}
		if !f.refused {
			f.refused = true
			s.refused++
			s.land(f) // a newer version may go out
			f.stretch.close(1)
			f.sent[0].Marked = true // from now on
		}
		s.log.Warn("the remote refused a change", zap.String("table", k.table), zap.String("id", k.id), zap.String("error", a.info.Error))
		return nil, failed
	}
	if !f.refused {
		f.stretch.close(1)
	}
	s.road.answered(f.sent)
	s.landSingle(k, f)
	return f.sent, nil
}

func (s *sender) matchBatch(a wire.Ack) (done []outbox.Sent, failed []outbox.Failure) {
	f := s.batches[a.Seq]
	if f == nil {
		return nil, nil
	}
	s.n.peers.meet(s.remote)
	s.land(f)
	f.stretch.close(len(f.sent))
	s.road.answered(f.sent)
	delete(s.batches, a.Seq)
	if len(a.Failed) == 0 {
		return f.sent, nil
	}
	refused := make(map[int]wire.Reject, len(a.Failed))
	for _, r := range a.Failed {
		refused[r.Index] = r
	}
	for i, x := range f.sent {
		r, ok := refused[i]
		if !ok {
			done = append(done, x)
			continue
		}
		if !r.Retry {
			s.log.Warn("the remote refused a row", zap.String("table", x.Table), zap.String("error", r.Message))
		}
		failed = append(failed, s.failure(x.Item, r.Message, r.Retry))
	}
	return done, failed
}
