package dispatch

import (
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/deliver/peer"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// read handles a message from the mail.
func (d *Dispatcher) read(l receive.Letter) {
	defer d.survive()
	switch l.Topic.Kind {
	case wire.Announce:
		d.announced(l.Topic.Client, d.Mesh.HearNode(l.Topic.Client, l.Payload, l.Kept))
	case wire.InfoMe:
		d.answered(l.Sender, l.Payload)
	case wire.BatchAckFor:
		d.acked(l.Topic, l.Payload)
	case wire.VerifyFor:
		d.Verifier.Hear(l.Topic, l.Payload)
	}
}

// announced retries rows that a remote may accept now, or has lost.
func (d *Dispatcher) announced(remote string, e mesh.Effect) {
	if remote == d.Hub && d.Hub != "" {
		d.Hears()
	}
	s := d.Senders[remote]
	if s == nil {
		return
	}
	if e.Other {
		s.Retry()
	}
	if e.Up {
		s.Connected()
	}
	d.came(remote)
}

// answered handles a message of /info/{client}: the ack or the error for a change.
func (d *Dispatcher) answered(sender string, payload []byte) {
	i, err := wire.ParseInfo(payload)
	if err == nil && i.Sender != sender {
		err = errTwoSenders
	}
	if err != nil {
		d.Refused.Broken("message refused", sender, zap.String("topic", d.Gate.Topics.InfoOf(d.Node.ClientName)), zap.Error(err))
		return
	}
	s := d.Senders[i.Sender]
	if s == nil || d.Mesh.RefusesVersion1(i.Sender, wire.InfoMe) || i.Message != wire.DataReceived && i.Message != wire.Failed {
		return
	}
	s.Answered(peer.Info(i, len(payload)))
}

var errTwoSenders = errors.New("info message: it names two senders")

// acked handles a message of /ack/{client}/{sender}.
func (d *Dispatcher) acked(topic wire.Topic, payload []byte) {
	s := d.Senders[topic.Sender]
	if s == nil {
		return
	}
	payload, ok := d.Mesh.Unseal(topic, payload)
	if !ok {
		return
	}
	a, err := wire.ParseAck(payload)
	switch {
	case err != nil:
		d.refuse(topic.Sender, topic.Kind, err)
	case len(a.Freed) > 0:
		d.freed(s, a.Freed)
	case a.Session == d.Session:
		s.Answered(peer.Ack(a, len(payload)))
	}
}

// freed resends rows that the remote had refused because they had to wait.
func (d *Dispatcher) freed(s *deliver.Sender, list []wire.Freed) {
	for _, f := range list {
		if d.Node.Syncs(f.Table) {
			for _, key := range f.Keys {
				s.Freed(change.Row{Table: f.Table, Key: string(key)})
			}
		}
	}
	s.Wake()
}
