package receive

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Message size limits in bytes, by content. Our own nodes send at most wire.MessageBytes.
const (
	mostPresence = 4 << 10
	mostAnswer   = 64 << 10 // an id may have 16 KiB, and more as JSON
	mostNode     = 1 << 20
	mostBatch    = 4 << 20
	mostAck      = wire.MaxAck + 1<<10 // sealed
	mostVerify   = 4 << 20
	mostJoin     = 4 << 10
)

// Gate decides which messages are let in, by topic and size alone. It is safe for concurrent use.
type Gate struct {
	Topics  wire.Topics
	Self    string
	Sends   func(client string) bool // whether this node sends rows to a client, which answers them
	Accepts func(client string) bool // whether this node accepts rows from a client
	Asks    func(client string) bool // whether this node answers a client's questions even without exchanging rows; nil: no
	Named   []string                 // clients that the configuration names: whatever their rights, the node hears whether they are there
	Invites bool                     // whether sites may ask to join this node
	MaxRow  int                      // bytes of the largest version 1 message
}

// NewGate returns the gate of a node.
func NewGate(cfg *config.Config) *Gate {
	return &Gate{
		Topics: wire.Topics(cfg.TopicPrefix), Self: cfg.ClientName, MaxRow: cfg.LargestRow(), Accepts: cfg.AcceptsFrom, Asks: cfg.MayAsk, Invites: cfg.Invites(),
		Named: cfg.Clients(),
		Sends: func(client string) bool { return slices.Contains(cfg.RemoteClients, client) },
	}
}

// Most returns how many bytes a message on a topic may have; -1 if none may arrive there. Promise 8.
func (g *Gate) Most(topic string) int {
	t := g.Topics.Parse(topic)
	mine, known := t.Client == g.Self, g.knows(t.Sender)
	switch {
	case t.Kind == wire.InfoAll:
		return mostPresence
	case t.Kind == wire.HereOf && (mine || wire.ValidClient(t.Client) && (g.knows(t.Client) || slices.Contains(g.Named, t.Client))):
		return mostPresence
	case t.Kind == wire.InfoMe && mine:
		return mostAnswer
	case t.Kind == wire.ChangeTo && mine:
		return g.MaxRow // the sender is named inside
	case t.Kind == wire.Announce && (mine || wire.ValidClient(t.Client) && g.knows(t.Client)):
		return mostNode
	case t.Kind == wire.JoinTo && mine && g.Invites:
		return mostJoin
	case !mine || t.Sender == g.Self:
	case t.Kind == wire.BatchTo && g.Accepts(t.Sender):
		return mostBatch
	case t.Kind == wire.BatchAckFor && g.Sends(t.Sender):
		return mostAck
	case t.Kind == wire.VerifyFor && known:
		return mostVerify
	}
	return -1
}

// knows reports whether the node exchanges anything with a client.
func (g *Gate) knows(client string) bool {
	return g.Sends(client) || g.Accepts(client) || g.Asks != nil && g.Asks(client)
}
