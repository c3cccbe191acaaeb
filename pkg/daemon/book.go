package daemon

import (
	"context"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// clashTries is how often a row is refused for a unique value that another has before it is
// shown as an error: a change in which that gives it up may be on its way. One that waits for
// something that nobody has to look after, such as its parent, never is.
const clashTries = 6

// failure says how a row was refused and when it is tried again.
func (s *sender) failure(i outbox.Item, r wire.Reject) outbox.Failure {
	return outbox.Failure{Item: i, Message: r.Message, Temporary: r.Retry && (!r.Taken || i.Attempts < clashTries),
		RetryAt: s.n.now().Add(after(i.Attempts, r.Retry))}
}

// failures says so of rows that could not be sent.
func (s *sender) failures(list []render.Refusal) []outbox.Failure {
	failed := make([]outbox.Failure, len(list))
	for i, r := range list {
		failed[i] = s.failure(r.Item, r.Reject)
	}
	return failed
}

// refuse books rows that could not be sent, or that the remote refused. tried says of which it
// is known what became of them when they were tried again.
func (s *sender) refuse(ctx context.Context, failed []outbox.Failure) error {
	if len(failed) == 0 {
		return nil
	}
	if err := s.n.outbox.Fail(ctx, s.remote, failed); err != nil {
		return err
	}
	s.n.Traffic.Refused(s.remote, failed)
	s.marks.any = true
	for i := range failed {
		s.probe(failed[i].Table).refused(failed[i].RetryAt)
	}
	return nil
}

// learn has the probes know what became of rows that were tried again.
func (s *sender) learn(done []outbox.Sent, failed []outbox.Failure) {
	if len(s.probes) == 0 {
		return
	}
	type result struct {
		passed, refused int
		soon            bool
	}
	results := map[string]*result{}
	of := func(i *outbox.Item) *result {
		r := results[i.Table]
		if r == nil {
			r = &result{}
			results[i.Table] = r
		}
		return r
	}
	for i := range done {
		if p := s.probes[done[i].Table]; p != nil {
			p.refusing = 0
		}
		if x := &done[i]; x.Marked && x.Attempts > 0 {
			of(&x.Item).passed++
		}
	}
	for i := range failed {
		s.probe(failed[i].Table).refusing++
		if x := &failed[i]; x.Marked && x.Attempts > 0 {
			r := of(&x.Item)
			r.refused++
			r.soon = r.soon || x.Temporary
		}
	}
	for table, r := range results {
		s.probe(table).answered(r.passed, r.refused, r.soon, s.n.now())
	}
}

// book records what the remote answered since the last call.
func (s *sender) book(ctx context.Context) error {
	s.mu.Lock()
	answers := s.answers
	s.answers, s.unbooked = nil, 0
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
	if list := s.silenced; len(list) > 0 {
		s.silenced = nil
		d, f, err := s.speakAgain(ctx, list)
		if err != nil {
			return err
		}
		done, failed = append(done, d...), append(failed, f...)
		ends[len(ends)-1] = len(done)
	}
	if len(failed) > 0 {
		if err := s.refuse(ctx, failed); err != nil {
			return err
		}
		if err := s.n.present(ctx, failed); err != nil {
			return err
		}
	}
	s.learn(done, failed)
	s.refusals.Tell(s.log, zap.WarnLevel, "the remote refused rows", s.n.now())
	if len(done) == 0 {
		return nil
	}
	s.heard()
	at := s.road.reached()
	moved := &at
	if at == s.road.Place {
		moved = nil // as while tables are sent as a whole: a commit less for each batch
	}
	left, err := s.n.outbox.Done(ctx, s.remote, done, moved, s.marks.any)
	if err != nil {
		return err
	}
	s.road.booked(at)
	from := 0
	for _, end := range ends {
		part := done[from:end]
		s.n.Traffic.Sent(s.remote, len(part), func(i int) string { return part[i].Table })
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
		failed = []outbox.Failure{s.failure(f.sent[0].Item, wire.Reject{Message: a.info.Error})}
		if !f.refused {
			f.refused = true
			s.refused++
			s.land(f) // a newer version may go out
			f.stretch.close(1)
			f.sent[0].Marked = true // from now on
		}
		s.refusals.Add("", k.table, k.id, a.info.Error)
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
	s.n.mesh.Met(s.remote)
	s.land(f)
	f.stretch.close(len(f.sent))
	s.road.answered(f.sent)
	delete(s.batches, a.Seq)
	if len(a.Failed) == 0 && len(a.Held) == 0 {
		return f.sent, nil
	}
	held := make(map[int]wire.Held, len(a.Held))
	for _, h := range a.Held {
		held[h.Index] = h
	}
	refused := make(map[int]wire.Reject, len(a.Failed))
	for _, r := range a.Failed {
		refused[r.Index] = r
	}
	for i, x := range f.sent {
		r, ok := refused[i]
		if !ok {
			if h, ok := held[i]; ok {
				s.silenced = append(s.silenced, silenced{x, h})
			} else {
				done = append(done, x)
			}
			continue
		}
		if !r.Retry {
			s.refusals.Add("", x.Table, wire.Shorten(strings.ToValidUTF8(x.Key, "?"), receive.ShownKey), r.Message)
		}
		failed = append(failed, s.failure(x.Item, r))
	}
	return done, failed
}
