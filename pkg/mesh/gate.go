package mesh

import (
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Why a message is refused, in addition to the reasons of package seal.
var (
	errClear   = errors.New("it is in the clear, but encryption.required lists its sender")
	errNoKeys  = errors.New("it is encrypted, but this node has no keys (encryption.keys)")
	errKept    = errors.New("someone removed the part of the announcement that newer nodes use for encryption")
	errVersion = errors.New("it is protocol version 1, which is never encrypted, but encryption.required lists its sender")
)

// errNode is the answer to a version 1 change in the name of a client that was met as a node: the change would get a
// version that its author does not know. Promise 3.
var errNode = errors.New("its sender was met as a node of mysql-sync, which does not send changes of version 1: " +
	"if another program has taken the name for good, add it to version1Clients of the receiver")

// ErrTold stands for a reason that is already in the log.
var ErrTold = errors.New("told")

// KeyOf returns the name of the key that seals messages to a client, or "".
func (m *Mesh) KeyOf(client string) string { return m.sealing.key(client) }

// Seal returns a message in the form to send to a client: sealed, unless the client reads no sealed messages. Promise 8.
func (m *Mesh) Seal(k seal.Kind, to string, message []byte) ([]byte, error) {
	return m.sealing.seal(k, to, message)
}

// Unseal opens a message of the batch extension. If it refuses the message, ok is false and the log says why. Promise 8.
func (m *Mesh) Unseal(topic wire.Topic, message []byte) (plain []byte, ok bool) {
	plain, err := m.sealing.open(topic, message)
	if err == nil {
		return plain, true
	}
	level := zap.WarnLevel
	if errors.Is(err, seal.ErrEarlier) || errors.Is(err, seal.ErrReplay) { // brokers cause these too
		level = zap.InfoLevel
	}
	m.c.Refused.Unopened(level, topic.Sender, topic.Kind, err)
	if errors.Is(err, seal.ErrEarlier) {
		m.announceAgain() // the sender does not know this run
	}
	return nil, false
}

// RefusesVersion1 reports whether a version 1 message is refused because its sender must seal, and logs it.
func (m *Mesh) RefusesVersion1(client string, k wire.Kind) bool {
	if !m.sealing.required(client) {
		return false
	}
	m.c.Refused.Unopened(zap.WarnLevel, client, k, errVersion)
	return true
}

// Speaks returns why a client may not send version 1 changes, or nil; ErrTold if that is already in the log.
func (m *Mesh) Speaks(client string) error {
	if m.RefusesVersion1(client, wire.ChangeTo) {
		return ErrTold
	}
	if m.IsNode(client) {
		m.misheard.Store(true) // with this node's announcement it would not send version 1
		m.beatSoon()
		return errNode
	}
	return nil
}

// meet makes messages to a client be sealed as its announcement says.
func (m *Mesh) meet(client string, h *seal.Hello) {
	before := m.KeyOf(client)
	if err := m.sealing.meet(client, h); errors.Is(err, seal.ErrFull) {
		m.c.Refused.Unopened(zap.WarnLevel, client, wire.Announce, err)
		return
	} else if err != nil { // cannot happen: the lengths are right
		m.c.Log.Error("could not encrypt messages", zap.String("remote", client), zap.Error(err))
		return
	}
	if key := m.KeyOf(client); key != "" && key != before {
		m.c.Refused.Comes(zap.InfoLevel, "messages are sealed from now on", client, zap.String("key", key))
	}
}
