package deliver

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// send reads, transforms and publishes rows. Those that are not sent, because a transformer failed or the target should
// not have them, are recorded at once.
func (s *Sender) send(ctx context.Context, items []outbox.Item, from *stretch) error {
	limits := s.to.Limits()
	d, err := s.c.Rows.Render(ctx, s.target(limits), items)
	if err != nil {
		return err
	}
	if d.Partial { // rows that were not read this time are read next
		if from == nil {
			s.marks.found()
		} else {
			s.cut(from, d, items)
		}
	}
	s.tooLarge(d, limits.MaxRow)
	if failed := s.failures(d.Refused); len(failed) > 0 {
		if err := s.refuse(ctx, failed); err != nil {
			return err
		}
		s.probes.learn(nil, failed, s.c.Now())
		from.close(len(failed))
	}
	if len(d.Idle) > 0 {
		if _, err := s.c.Outbox.Done(ctx, s.remote, d.Idle, nil, s.marks.any); err != nil {
			return err
		}
		from.close(len(d.Idle))
	}
	if len(d.Outgoing) == 0 {
		return nil
	}
	return s.sendAll(ctx, s.to.Pack(d.Outgoing, limits.Single), d.Outgoing, from)
}

// target is the remote for which rows are rendered.
func (s *Sender) target(l Limits) render.Target {
	return render.Target{Remote: s.remote, Single: l.Single, Routes: l.Routes, Merges: l.Merges, Counts: l.Counts, Begun: s.begun, Note: s.noteFirst}
}

// tooLarge fails rows that are larger than the remote accepts: it would never answer, since it cannot unpack their
// batch. Promise 5.
func (s *Sender) tooLarge(d *render.Rendering, most int) {
	d.Outgoing = slices.DeleteFunc(d.Outgoing, func(o render.Outgoing) bool {
		size := o.Size()
		if size > most {
			d.Refused = append(d.Refused, render.Refusal{Item: o.Sent.Item, Reject: wire.Reject{
				Message: fmt.Sprintf("the row has %d bytes, but %s accepts rows of %d (maxRowBytes)", size, s.remote, most)}})
		}
		return size > most
	})
}

// sendAll sends the messages into which rows were packed.
func (s *Sender) sendAll(ctx context.Context, messages []Message, list []render.Outgoing, from *stretch) error {
	for _, m := range messages {
		sent := make([]outbox.Sent, m.Rows)
		for i := range sent {
			sent[i] = list[i].Sent
		}
		list = list[m.Rows:]
		if err := s.sendOne(ctx, m, sent, from); err != nil {
			return err
		}
	}
	return nil
}

// sendOne sends a message, unless one with its name is in flight.
func (s *Sender) sendOne(ctx context.Context, m Message, sent []outbox.Sent, from *stretch) error {
	if m.Err != nil {
		failed := make([]outbox.Failure, len(sent))
		for i := range sent {
			failed[i] = s.failure(sent[i].Item, wire.Reject{Message: m.Err.Error()})
		}
		if err := s.refuse(ctx, failed); err != nil {
			return err
		}
		s.probes.learn(nil, failed, s.c.Now())
		from.close(len(sent))
		return nil
	}
	s.flights.end(m.Name)
	if s.flights.open[m.Name] != nil {
		// Two rows became one id: the second follows after the ack. One that is already marked is looked up again in a
		// second, not at once.
		if from != nil {
			return s.later(ctx, sent, from)
		}
		return nil
	}
	s.flights.add(&m, sent, from, s.c.Now())
	return s.publish(ctx, m)
}

// sendLoad sends what was packed for all remotes.
func (s *Sender) sendLoad(ctx context.Context, l *load) error {
	m := Message{Body: l.body, Rows: len(l.sent)}
	s.flights.addLoad(&m, l, s.road.read(l.upTo, len(l.sent)), s.c.Now())
	return s.away(s.publish(ctx, m))
}

// publish sends a message that is among those in flight.
func (s *Sender) publish(ctx context.Context, m Message) error {
	s.c.Counters.Published(s.remote)
	return s.to.Send(ctx, m)
}
