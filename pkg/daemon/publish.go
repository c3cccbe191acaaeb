package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// send reads, transforms and publishes rows. What is not sent (a transformer
// failed, or the target is not to have the row) is booked at once.
func (s *sender) send(ctx context.Context, items []outbox.Item, from *stretch) error {
	d, err := s.n.render(ctx, s.remote, items)
	if err != nil {
		return err
	}
	if d.partial { // rows that were not read this time are read the next
		if from == nil {
			s.marks.found()
		} else {
			s.cut(from, &d, items)
		}
	}
	s.tooLarge(&d)
	if len(d.failed) > 0 {
		if err := s.refuse(ctx, d.failed); err != nil {
			return err
		}
		s.learn(nil, d.failed)
		from.close(len(d.failed))
	}
	if len(d.idle) > 0 {
		if _, err := s.n.outbox.Done(ctx, s.remote, d.idle, nil, s.marks.any); err != nil {
			return err
		}
		from.close(len(d.idle))
	}
	if len(d.outgoing) == 0 {
		return nil
	}
	if s.n.mesh.SpeaksBatches(s.remote) {
		err = s.sendBatch(ctx, d.outgoing, from)
	} else {
		err = s.sendSingles(ctx, d.outgoing, from)
	}
	if errors.Is(err, transport.ErrOffline) {
		s.drop()
		return nil // they are still due
	}
	return err
}

// tooLarge has the rows fail that are larger than the remote takes: it would answer nothing, since it cannot unpack their batch.
// Promise 5.
func (s *sender) tooLarge(d *rendering) {
	most := s.n.mesh.MaxRow(s.remote)
	d.outgoing = slices.DeleteFunc(d.outgoing, func(o outgoing) bool {
		size := 0
		for _, v := range o.Values {
			size += len(v)
		}
		if size > most {
			d.failed = append(d.failed, s.failure(o.sent.Item, wire.Reject{Message: fmt.Sprintf("the row has %d bytes, and %s takes rows of %d (maxRowBytes)", size, s.remote, most)}))
		}
		return size > most
	})
}

// sendBatch publishes rows by the extension.
func (s *sender) sendBatch(ctx context.Context, rows []outgoing, from *stretch) error {
	b := &wire.Batch{Sent: s.n.now().UnixMilli(), Changes: make([]change.Change, len(rows))}
	sent := make([]outbox.Sent, len(rows))
	for i := range rows {
		b.Changes[i], sent[i] = rows[i].Change, rows[i].sent
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
	s.n.traffic.link(s.remote).sent.Add(1)
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
func (s *sender) sendSingles(ctx context.Context, rows []outgoing, from *stretch) error {
	s.date = max(s.date, s.n.now().Add(s.n.mesh.Ahead(s.remote)).UnixMilli())
	for _, o := range rows {
		k := single{o.Table, o.id}
		if f := s.singles[k]; f != nil && f.refused {
			s.landSingle(k, f)
		} else if f != nil {
			// Two rows became one id: the second follows after the ack. One that is
			// marked already is looked for again in a second, not at once.
			if from != nil {
				if err := s.later(ctx, []outbox.Sent{o.sent}, from); err != nil {
					return err
				}
			}
			continue
		}
		c := wire.Change{Sender: s.n.cfg.ClientName, Table: o.Table, ID: o.id, Date: s.date, Entity: o.entity}
		payload, err := c.Encode()
		if err != nil {
			failed := []outbox.Failure{s.failure(o.sent.Item, wire.Reject{Message: err.Error()})}
			if err := s.refuse(ctx, failed); err != nil {
				return err
			}
			s.learn(nil, failed)
			from.close(1)
			continue
		}
		s.singles[k] = &flight{sent: []outbox.Sent{o.sent}, stretch: from, date: s.date, deadline: s.n.now().Add(s.patience)}
		s.inFlight[o.sent.Identity()]++
		s.flying.Add(1)
		s.n.traffic.link(s.remote).sent.Add(1)
		if _, err := s.n.transport.PublishAsync(ctx, transport.Message{Topic: s.n.topics.ChangeOf(s.remote), Payload: payload, QoS: 1}); err != nil {
			return err
		}
	}
	return nil
}
