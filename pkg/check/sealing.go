package check

import (
	"crypto/rand"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// judgeSealing judges from a remote's announcement whether this node and the remote share a key. It returns the
// announcement as this node can read it: if the remote accepts nothing in the clear, the rest is in the sealed copy.
func judgeSealing(f *finding.List, cfg *config.Config, r string, n *wire.Node) *wire.Node {
	ring := seal.NewRing(cfg.Encryption.Keys, cfg.Encryption.Required)
	if n.Seal == nil {
		if ring.Required(r) {
			f.Wrongf(r, "Give it the key, or remove it from encryption.required.", "does not encrypt, but encryption.required lists it: nothing is exchanged with it")
		}
		return n
	}
	if len(cfg.Encryption.Keys) == 0 {
		f.Warnf(r, "Add its key to encryption.keys here.", "has encryption keys, but this node has none: messages are sent in the clear, if it accepts that")
		return n
	}
	var text []byte
	s, err := seal.NewSession(cfg.ClientName, ring, rand.Reader)
	if err == nil {
		s.Mesh = cfg.TopicPrefix
		text, _, err = s.Hear(r, n.Seal.Nonce, seal.Boxes{First: n.Seal.Boxes, Second: n.Seal.Second})
	}
	if err != nil {
		f.Wrongf(r, "Give both nodes the same key, under the same id, in encryption.keys.", "this node and the remote have no key in common (%v)", err)
		return n
	}
	f.Rightf(r, "this node and the remote share a key: messages between them are encrypted")
	if opened, err := wire.ParseNode(r, text); err == nil {
		return &opened
	}
	return n
}
