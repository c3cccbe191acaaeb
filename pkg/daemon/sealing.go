package daemon

import (
	"crypto/rand"
	"errors"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

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

// sealing is what the node needs to seal what it sends and to open what comes.
type sealing struct {
	ring    *seal.Ring    // nil: encryption is off
	session *seal.Session // nil: encryption is off
}

// sealedAge is which part of tombstoneRetention a sealed message may be old, or ahead, by this node's clock: what says that a row
// is deleted must outlive each message in which it is not, though a clock was as much ahead and the other is behind.
const sealedAge = 4

func (n *Node) openSealing() error {
	e := n.cfg.Encryption
	if len(e.Keys) == 0 {
		return nil
	}
	n.sealing.ring = seal.NewRing(e.Keys, e.Required)
	var err error
	if n.sealing.session, err = seal.NewSession(n.cfg.ClientName, n.sealing.ring, rand.Reader); err == nil {
		n.sealing.session.Mesh, n.sealing.session.Now, n.sealing.session.MaxAge = n.cfg.TopicPrefix, n.now, n.cfg.TombstoneRetention/sealedAge
	}
	return err
}

// mayReach reports whether there is a way to send something to a client: nothing goes
// in the clear to one that must be sent sealed messages. Promise 8.
func (n *Node) mayReach(client string) bool {
	return !n.sealing.ring.Required(client) || n.sealed(client)
}

// sealed reports whether what is sent to a client is sealed.
func (n *Node) sealed(client string) bool { return n.keyOf(client) != "" }

// keyOf returns the name of the key by which messages to a client are sealed, or "".
func (n *Node) keyOf(client string) string {
	if n.sealing.session == nil {
		return ""
	}
	id, _ := n.sealing.session.Met(client)
	return id
}

// seal returns a message as it is to be sent to a client.
func (n *Node) seal(k seal.Kind, to string, message []byte) ([]byte, error) {
	if n.sealing.session == nil {
		return message, nil
	}
	m, err := n.sealing.session.Seal(k, to, message)
	if errors.Is(err, seal.ErrUnmet) && !n.sealing.ring.Required(to) {
		return message, nil
	}
	return m, err
}

// unseal returns a message of the batch extension as it was before it was sealed; ok
// is false if it is refused. Promise 8.
func (n *Node) unseal(topic wire.Topic, message []byte) (plain []byte, ok bool) {
	kinds := map[wire.Kind]seal.Kind{wire.BatchTo: seal.Batch, wire.BatchAckFor: seal.Ack, wire.VerifyFor: seal.Verify}
	var err error
	switch {
	case !seal.IsSealed(message):
		if !n.sealing.ring.Required(topic.Sender) {
			return message, true
		}
		err = errClear
	case n.sealing.session == nil:
		err = errNoKeys
	default:
		if plain, err = n.sealing.session.Open(kinds[topic.Kind], topic.Sender, message); err == nil {
			return plain, true
		}
	}
	level := zap.WarnLevel
	if errors.Is(err, seal.ErrEarlier) || errors.Is(err, seal.ErrReplay) { // brokers do it too
		level = zap.InfoLevel
	}
	n.refused.Unopened(level, topic.Sender, topic.Kind, err)
	if errors.Is(err, seal.ErrEarlier) {
		n.announceAgain() // the sender does not know of this run
	}
	return nil, false
}

// refusesVersion1 reports, and tells, whether a message of version 1 is refused since
// its sender must seal.
func (n *Node) refusesVersion1(client string, k wire.Kind) bool {
	if !n.sealing.ring.Required(client) {
		return false
	}
	n.refused.Unopened(zapcore.WarnLevel, client, k, errVersion)
	return true
}

// announcement returns an announcement as it is published: with encryption it is in it
// for the second time, sealed. Where nobody is spoken to in the clear, that is all.
func (n *Node) announcement(a wire.Node) ([]byte, error) {
	if n.sealing.session == nil {
		return a.Encode(), nil
	}
	a.Sealing = seal.Reads
	boxes, err := n.sealing.session.Boxes(a.Encode())
	if err != nil {
		return nil, err
	}
	if n.sealing.ring.RequiredOfAll() {
		a = wire.Node{Client: a.Client, Protocol: a.Protocol, ReceiveTables: []string{}}
	}
	nonce := n.sealing.session.Nonce()
	a.Seal = &wire.Seal{Nonce: nonce[:], Boxes: boxes.First, Second: boxes.Second}
	return a.Encode(), nil
}

// hear opens an announcement of another client. It returns false if it is refused;
// met has what comes sealed for the run that it is of, once the announcement counts.
func (n *Node) hear(a wire.Node) (heard wire.Node, met func(), ok bool) {
	if n.sealing.session == nil {
		return a, func() {}, true
	}
	clear := func() { n.part(a.Client) }
	err := errClear
	if a.Seal != nil {
		var text []byte
		var h seal.Hello
		if text, h, err = n.sealing.session.Hear(a.Client, a.Seal.Nonce, seal.Boxes{First: a.Seal.Boxes, Second: a.Seal.Second}); err == nil {
			heard, err = wire.ParseNode(a.Client, text)
			if err == nil && h.Old() && heard.Sealing >= seal.Reads {
				err = errKept
			}
			if err == nil {
				return heard, func() { n.meet(a.Client, h) }, true
			}
		}
	}
	if !n.sealing.ring.Required(a.Client) {
		return a, clear, true
	}
	n.refused.Unopened(zap.WarnLevel, a.Client, wire.Announce, err)
	return a, nil, false
}

// part forgets how messages for a client are sealed: it takes its announcement back.
func (n *Node) part(client string) {
	if n.sealing.session != nil {
		n.sealing.session.Part(client)
	}
}

func (n *Node) meet(client string, h seal.Hello) {
	before := n.keyOf(client)
	if err := n.sealing.session.Meet(client, h); err != nil { // cannot happen: the lengths are right
		n.log.Error("messages cannot be sealed", zap.String("remote", client), zap.Error(err))
		return
	}
	if key := n.keyOf(client); key != before {
		n.refused.Comes(zap.InfoLevel, "messages are sealed from now on", client, zap.String("key", key))
	}
}
