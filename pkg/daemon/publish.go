package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// send reads, transforms and publishes rows. What is not sent (a transformer
// failed, or the target is not to have the row) is booked at once.
func (s *sender) send(ctx context.Context, items []outbox.Item, from *stretch) error {
	d, err := s.n.renderer.Render(ctx, s.target(), items)
	if err != nil {
		return err
	}
	if d.Partial { // rows that were not read this time are read the next
		if from == nil {
			s.marks.found()
		} else {
			s.cut(from, d, items)
		}
	}
	s.tooLarge(d)
	if failed := s.failures(d.Refused); len(failed) > 0 {
		if err := s.refuse(ctx, failed); err != nil {
			return err
		}
		s.learn(nil, failed)
		from.close(len(failed))
	}
	if len(d.Idle) > 0 {
		if _, err := s.n.outbox.Done(ctx, s.remote, d.Idle, nil, s.marks.any); err != nil {
			return err
		}
		from.close(len(d.Idle))
	}
	if len(d.Outgoing) == 0 {
		return nil
	}
	if s.n.mesh.SpeaksBatches(s.remote) {
		err = s.sendBatch(ctx, d.Outgoing, from)
	} else {
		err = s.sendSingles(ctx, d.Outgoing, from)
	}
	if errors.Is(err, transport.ErrOffline) {
		s.drop()
		return nil // they are still due
	}
	return err
}

// target is the remote as rows are rendered for it.
func (s *sender) target() render.Target {
	return render.Target{Remote: s.remote, Single: !s.n.mesh.SpeaksBatches(s.remote), Begun: s.begun, Note: s.noteFirst}
}

// tooLarge has the rows fail that are larger than the remote takes: it would answer nothing, since it cannot unpack their batch.
// Promise 5.
func (s *sender) tooLarge(d *render.Rendering) {
	most := s.n.mesh.MaxRow(s.remote)
	d.Outgoing = slices.DeleteFunc(d.Outgoing, func(o render.Outgoing) bool {
		size := o.Size()
		if size > most {
			d.Refused = append(d.Refused, render.Refusal{Item: o.Sent.Item, Reject: wire.Reject{
				Message: fmt.Sprintf("the row has %d bytes, and %s takes rows of %d (maxRowBytes)", size, s.remote, most)}})
		}
		return size > most
	})
}

// sendBatch publishes rows by the extension.
func (s *sender) sendBatch(ctx context.Context, list []render.Outgoing, from *stretch) error {
	b := &wire.Batch{Sent: s.n.now().UnixMilli(), Changes: make([]change.Change, len(list))}
	sent := make([]outbox.Sent, len(list))
	for i := range list {
		b.Changes[i], sent[i] = list[i].Change, list[i].Sent
	}
	return s.publish(ctx, s.n.codec.Body(b), sent, from)
}

// sendLoad publishes what was packed for all remotes.
func (s *sender) sendLoad(ctx context.Context, l *load) error {
	err := s.publish(ctx, l.body, l.sent, s.road.read(l.upTo, len(l.sent)))
	if errors.Is(err, transport.ErrOffline) {
		s.drop()
		return nil // it is still due
	}
	return err
}

// publish publishes a batch.
func (s *sender) publish(ctx context.Context, body []byte, sent []outbox.Sent, from *stretch) error {
	s.seq++
	s.batches[s.seq] = &flight{sent: sent, bytes: len(body), stretch: from, deadline: s.n.now().Add(s.patience)}
	for i := range sent {
		s.inFlight[sent[i].Identity()]++
	}
	s.flying.Add(int64(len(sent)))
	s.n.Traffic.Published(s.remote)
	topic := s.n.topics.BatchOf(s.remote, s.n.cfg.ClientName)
	for _, piece := range wire.Messages(s.n.session, s.seq, body, wire.MessageBytes) {
		piece, err := s.n.mesh.Seal(seal.Batch, s.remote, piece)
		if errors.Is(err, seal.ErrUnmet) {
			return fmt.Errorf("%w: %w", transport.ErrOffline, err) // it was met when the rows were read
		} else if err != nil {
			return err
		}
		if _, err := s.n.transport.PublishAsync(ctx, transport.Message{Topic: topic, Payload: piece, QoS: 1}); err != nil {
			return err
		}
	}
	return nil
}

// sendSingles publishes rows by version 1. The date is stamped now, and by the
// peer's clock if that is ahead: an existing peer drops a change that is older
// than its own start.
func (s *sender) sendSingles(ctx context.Context, list []render.Outgoing, from *stretch) error {
	s.date = max(s.date, s.n.now().Add(s.n.mesh.Ahead(s.remote)).UnixMilli())
	for _, o := range list {
		k := single{o.Table, o.ID}
		if f := s.singles[k]; f != nil && f.refused {
			s.landSingle(k, f)
		} else if f != nil {
			// Two rows became one id: the second follows after the ack. One that is
			// marked already is looked for again in a second, not at once.
			if from != nil {
				if err := s.later(ctx, []outbox.Sent{o.Sent}, from); err != nil {
					return err
				}
			}
			continue
		}
		c := wire.Change{Sender: s.n.cfg.ClientName, Table: o.Table, ID: o.ID, Date: s.date, Entity: o.Entity}
		payload, err := c.Encode()
		if err != nil {
			failed := []outbox.Failure{s.failure(o.Sent.Item, wire.Reject{Message: err.Error()})}
			if err := s.refuse(ctx, failed); err != nil {
				return err
			}
			s.learn(nil, failed)
			from.close(1)
			continue
		}
		s.singles[k] = &flight{sent: []outbox.Sent{o.Sent}, stretch: from, date: s.date, deadline: s.n.now().Add(s.patience)}
		s.inFlight[o.Sent.Identity()]++
		s.flying.Add(1)
		s.n.Traffic.Published(s.remote)
		if _, err := s.n.transport.PublishAsync(ctx, transport.Message{Topic: s.n.topics.ChangeOf(s.remote), Payload: payload, QoS: 1}); err != nil {
			return err
		}
	}
	return nil
}
