package mesh

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// sealing seals outgoing messages and opens incoming ones. It logs nothing.
type sealing struct {
	ring    *seal.Ring    // nil: encryption is off
	session *seal.Session // nil: encryption is off
}

// sealedAge is the divisor of tombstoneRetention that gives how old, or how far ahead, a sealed message may be by this
// node's clock. A tombstone must outlive each message that still has the row, even if one clock was that much ahead and
// the other is that much behind.
const sealedAge = 4

func newSealing(cfg *config.Config, now func() time.Time) (*sealing, error) {
	e := cfg.Encryption
	if len(e.Keys) == 0 {
		return &sealing{}, nil
	}
	s := &sealing{ring: seal.NewRing(e.Keys, e.Required)}
	var err error
	if s.session, err = seal.NewSession(cfg.ClientName, s.ring, rand.Reader); err == nil {
		s.session.Mesh, s.session.Now, s.session.MaxAge = cfg.TopicPrefix, now, cfg.TombstoneRetention/sealedAge
		s.session.Named = named(cfg)
	}
	return s, err
}

// required reports whether messages to and from a client must be sealed.
func (s *sealing) required(client string) bool { return s.ring.Required(client) }

// key returns the name of the key that seals messages to a client, or "".
func (s *sealing) key(client string) string {
	if s.session == nil {
		return ""
	}
	id, _ := s.session.Met(client)
	return id
}

// seal returns a message in the form to send to a client.
func (s *sealing) seal(k seal.Kind, to string, message []byte) ([]byte, error) {
	if s.session == nil {
		return message, nil
	}
	m, err := s.session.Seal(k, to, message)
	if errors.Is(err, seal.ErrUnmet) && !s.required(to) {
		return message, nil
	}
	return m, err
}

// open opens a message of the batch extension, or returns why it is refused.
func (s *sealing) open(topic wire.Topic, message []byte) ([]byte, error) {
	kinds := map[wire.Kind]seal.Kind{wire.BatchTo: seal.Batch, wire.BatchAckFor: seal.Ack, wire.VerifyFor: seal.Verify}
	switch {
	case !seal.IsSealed(message) && !s.required(topic.Sender):
		return message, nil
	case !seal.IsSealed(message):
		return nil, errClear
	case s.session == nil:
		return nil, errNoKeys
	}
	return s.session.Open(kinds[topic.Kind], topic.Sender, message)
}

// announcement returns an announcement in the form to publish. With encryption, it also contains a sealed copy of itself;
// if all messages must be sealed, it contains nothing else.
func (s *sealing) announcement(a wire.Node) ([]byte, error) {
	if s.session == nil {
		return a.Encode(), nil
	}
	a.Sealing = seal.Reads
	boxes, err := s.session.Boxes(a.Encode())
	if err != nil {
		return nil, err
	}
	if s.ring.RequiredOfAll() {
		a = wire.Node{Client: a.Client, Protocol: a.Protocol, ReceiveTables: []string{}}
	}
	nonce := s.session.Nonce()
	a.Seal = &wire.Seal{Nonce: nonce[:], Boxes: boxes.First, Second: boxes.Second}
	return a.Encode(), nil
}

// hear opens another client's announcement, or returns why it is refused. The hello seals messages to the run that
// announced itself; it is nil for an announcement in the clear.
func (s *sealing) hear(a wire.Node) (heard wire.Node, h *seal.Hello, err error) {
	if s.session == nil {
		return a, nil, nil
	}
	if heard, h, err = s.unbox(a); err != nil && !s.required(a.Client) {
		return a, nil, nil
	}
	return heard, h, err
}

func (s *sealing) unbox(a wire.Node) (heard wire.Node, _ *seal.Hello, err error) {
	if a.Seal == nil {
		return a, nil, errClear
	}
	text, h, err := s.session.Hear(a.Client, a.Seal.Nonce, seal.Boxes{First: a.Seal.Boxes, Second: a.Seal.Second})
	if err != nil {
		return a, nil, err
	}
	if heard, err = wire.ParseNode(a.Client, text); err != nil {
		return a, nil, err
	}
	if h.Old() && heard.Sealing >= seal.Reads {
		return a, nil, errKept
	}
	return heard, &h, nil
}

// meet seals messages to a client for the run that a hello belongs to; without a hello, they go in the clear.
func (s *sealing) meet(client string, h *seal.Hello) error {
	switch {
	case s.session == nil:
		return nil
	case h == nil:
		s.session.Part(client)
		return nil
	}
	return s.session.Meet(client, *h)
}
