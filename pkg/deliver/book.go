package deliver

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// clashTries is how many times a row may be refused for a unique value that another row has before it is shown as an
// error: a change in which that row gives it up may be in flight. A row that waits for something that no one has to
// fix, such as its parent, is never shown as one.
const clashTries = 6

// failure says why a row was refused and when it is retried.
func (s *Sender) failure(i outbox.Item, r wire.Reject) outbox.Failure {
	return outbox.Failure{Item: i, Message: r.Message, Temporary: r.Retry && (!r.Taken || i.Attempts < clashTries),
		RetryAt: s.c.Now().Add(after(i.Attempts, r.Retry))}
}

// failures returns the failures of rows that could not be sent.
func (s *Sender) failures(list []render.Refusal) []outbox.Failure {
	failed := make([]outbox.Failure, len(list))
	for i, r := range list {
		failed[i] = s.failure(r.Item, r.Reject)
	}
	return failed
}

// refuse records rows that could not be sent, or that the remote refused. tried says which of them were retries with a
// known outcome.
func (s *Sender) refuse(ctx context.Context, failed []outbox.Failure) error {
	if len(failed) == 0 {
		return nil
	}
	// Before recording it: if no answer comes, the rows may be waiting all the same, and no one else looks for them.
	// Promise 1.
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

// book records the remote's answers.
func (s *Sender) book(ctx context.Context, answers []Answer) error {
	var done []outbox.Sent
	var held []Held
	var failed []outbox.Failure
	ends := make([]int, len(answers)) // by position acked
	for i, a := range answers {
		o, ok := s.flights.answer(a)
		if ok {
			s.to.Answered(a.Name)
		}
		s.road.answered(o.sent)
		if done == nil {
			done = slices.Clip(o.done) // may be a load that all remotes share
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
		moved = nil // as when tables are sent as a whole: saves a commit per batch
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
		s.marks.found() // they have been marked again
	}
	return nil
}
