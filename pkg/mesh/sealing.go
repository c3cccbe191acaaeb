package mesh

import (
	"crypto/rand"
	"errors"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Why a message is refused, beside the reasons of package seal.
var (
	errClear   = errors.New("it is in the clear, and encryption.required has its sender")
	errNoKeys  = errors.New("it is sealed, and this node has no keys (encryption.keys)")
	errKept    = errors.New("somebody has taken that part of the announcement away by which later nodes seal")
	errVersion = errors.New("it is of version 1 of the protocol, which is never sealed, and encryption.required has its sender")
)

// errNode is what a client is told in whose name a change of version 1 comes though it
// was met as a node: it would get a version that its author does not know. Promise 3.
var errNode = errors.New("its sender was met as a node of mysql-sync, which does not send changes of version 1: " +
	"if another program has taken the name for good, add it to version1Clients of the receiver")

// ErrTold is the error of what was refused where it was told why.
var ErrTold = errors.New("told")

// sealing is what the node needs to seal what it sends and to open what comes.
type sealing struct {
	ring    *seal.Ring    // nil: encryption is off
	session *seal.Session // nil: encryption is off
}

// sealedAge is which part of tombstoneRetention a sealed message may be old, or ahead, by this node's clock: what says that a row
// is deleted must outlive each message in which it is not, though a clock was as much ahead and the other is behind.
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
	}
	return s, err
}

// required reports whether a client must be sent, and must send, sealed messages.
func (s *sealing) required(client string) bool { return s.ring.Required(client) }

// key returns the name of the key by which messages to a client are sealed, or "".
func (s *sealing) key(client string) string {
	if s.session == nil {
		return ""
	}
	id, _ := s.session.Met(client)
	return id
}

// seal returns a message as it is to be sent to a client.
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

// open returns a message of the batch extension as it was before it was sealed, or why it is refused. Promise 8.
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

// announcement returns an announcement as it is published: with encryption it is in it
// for the second time, sealed. Where nobody is spoken to in the clear, that is all.
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

// hear opens an announcement of another client. The hello is what comes sealed for the run that it is of; nil: it is in the
// clear. The error is why it is refused.
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

// meet has messages for a client sealed for the run that its announcement is of, or in the clear.
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

// KeyOf returns the name of the key by which messages to a client are sealed, or "".
func (m *Mesh) KeyOf(client string) string { return m.sealing.key(client) }

// Seal returns a message as it is to be sent to a client.
func (m *Mesh) Seal(k seal.Kind, to string, message []byte) ([]byte, error) {
	return m.sealing.seal(k, to, message)
}

// Unseal returns a message of the batch extension as it was before it was sealed; ok
// is false if it is refused, which is told.
func (m *Mesh) Unseal(topic wire.Topic, message []byte) (plain []byte, ok bool) {
	plain, err := m.sealing.open(topic, message)
	if err == nil {
		return plain, true
	}
	level := zap.WarnLevel
	if errors.Is(err, seal.ErrEarlier) || errors.Is(err, seal.ErrReplay) { // brokers do it too
		level = zap.InfoLevel
	}
	m.c.Refused.Unopened(level, topic.Sender, topic.Kind, err)
	if errors.Is(err, seal.ErrEarlier) {
		m.announceAgain() // the sender does not know of this run
	}
	return nil, false
}

// RefusesVersion1 reports, and tells, whether a message of version 1 is refused since
// its sender must seal.
func (m *Mesh) RefusesVersion1(client string, k wire.Kind) bool {
	if !m.sealing.required(client) {
		return false
	}
	m.c.Refused.Unopened(zapcore.WarnLevel, client, k, errVersion)
	return true
}

// Speaks returns why a client may not send changes of version 1, or nil. It is ErrTold where the node has told it.
func (m *Mesh) Speaks(client string) error {
	if m.RefusesVersion1(client, wire.ChangeTo) {
		return ErrTold
	}
	if m.IsNode(client) {
		return errNode
	}
	return nil
}

// meet has messages for a client sealed as its announcement says, which counts now.
func (m *Mesh) meet(client string, h *seal.Hello) {
	before := m.KeyOf(client)
	if err := m.sealing.meet(client, h); err != nil { // cannot happen: the lengths are right
		m.c.Log.Error("messages cannot be sealed", zap.String("remote", client), zap.Error(err))
		return
	}
	if key := m.KeyOf(client); key != "" && key != before {
		m.c.Refused.Comes(zap.InfoLevel, "messages are sealed from now on", client, zap.String("key", key))
	}
}
