package deliver

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// clashTries is how often a row is refused for a unique value that another has before it is
// shown as an error: a change in which that gives it up may be on its way. One that waits for
// something that nobody has to look after, such as its parent, never is.
const clashTries = 6

// failure says how a row was refused and when it is tried again.
func (s *Sender) failure(i outbox.Item, r wire.Reject) outbox.Failure {
	return outbox.Failure{Item: i, Message: r.Message, Temporary: r.Retry && (!r.Taken || i.Attempts < clashTries),
		RetryAt: s.c.Now().Add(after(i.Attempts, r.Retry))}
}

// failures says so of rows that could not be sent.
func (s *Sender) failures(list []render.Refusal) []outbox.Failure {
	failed := make([]outbox.Failure, len(list))
	for i, r := range list {
		failed[i] = s.failure(r.Item, r.Reject)
	}
	return failed
}

// refuse books rows that could not be sent, or that the remote refused. tried says of which it
// is known what became of them when they were tried again.
func (s *Sender) refuse(ctx context.Context, failed []outbox.Failure) error {
	if len(failed) == 0 {
		return nil
	}
	// Before it is booked: where no answer comes, the rows may wait all the same, and nobody else looks for them. Promise 1.
	s.marks.any = true
	for i := range failed {
		s.probes.of(failed[i].Table).refused(failed[i].RetryAt)
	}
	if err := s.c.Outbox.Fail(ctx, s.remote, failed); err != nil {
		return err
	}
	s.c.Counters.Refused(s.remote, failed)
	return nil
}

// book records what the remote has answered.
func (s *Sender) book(ctx context.Context, answers []Answer) error {
	var done []outbox.Sent
	var held []Held
	var failed []outbox.Failure
	ends := make([]int, len(answers)) // of what each has acked
	for i, a := range answers {
		o, ok := s.flights.answer(a)
		if ok {
			s.to.Answered(a.Name)
		}
		s.road.answered(o.sent)
		if done == nil {
			done = slices.Clip(o.done) // it may be all remotes' load
		} else {
			done = append(done, o.done...)
		}
		held = append(held, o.held...)
		for _, r := range o.refused {
			failed = append(failed, s.failure(r.item, r.why))
			if !r.why.Retry {
				s.news.Add("", r.item.Table, r.id, r.why.Message)
			}
		}
		ends[i] = len(done)
	}
	if len(held) > 0 {
		d, refused, err := s.c.Denied(ctx, s.remote, held)
		if err != nil {
			return err
		}
		done, failed = append(done, d...), append(failed, s.failures(refused)...)
		ends[len(ends)-1] = len(done)
	}
	if len(failed) > 0 {
		if err := s.refuse(ctx, failed); err != nil {
			return err
		}
		if err := s.c.Refused(ctx, failed); err != nil {
			return err
		}
	}
	s.probes.learn(done, failed, s.c.Now())
	s.news.Tell(s.log, zap.WarnLevel, "the remote refused rows", s.c.Now())
	if len(done) == 0 {
		return nil
	}
	s.heard()
	at := s.road.reached()
	moved := &at
	if at == s.road.Place {
		moved = nil // as while tables are sent as a whole: a commit less for each batch
	}
	left, err := s.c.Outbox.Done(ctx, s.remote, done, moved, s.marks.any)
	if err != nil {
		return err
	}
	s.road.booked(at)
	from := 0
	for _, end := range ends {
		part := done[from:end]
		s.c.Counters.Sent(s.remote, len(part), func(i int) string { return part[i].Table })
		from = end
	}
	if err := s.bookTables(ctx); err != nil {
		return err
	}
	if left > 0 {
		s.marks.found() // they were marked again meanwhile
	}
	return nil
}
