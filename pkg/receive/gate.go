package receive

import "github.com/mysql-sync/mysql-sync/pkg/wire"

// Bytes that messages may have, by what they carry. What our own nodes send has at most wire.MessageBytes.
const (
	mostPresence = 4 << 10
	mostAnswer   = 64 << 10 // an id may have 16 KiB, and more as JSON
	mostNode     = 1 << 20
	mostBatch    = 4 << 20
	mostAck      = wire.MaxAck + 1<<10 // sealed
	mostVerify   = 4 << 20
)

// Gate says which messages are let in, by nothing but their topic and size. It is safe for concurrent use.
type Gate struct {
	Topics  wire.Topics
	Self    string
	Sends   func(client string) bool // whether this node sends rows to a client, which answers it
	Accepts func(client string) bool // whether it takes rows from one
	Asks    func(client string) bool // whether it answers questions of one, though it does nothing else with it; nil: no
	MaxRow  int                      // bytes of the largest message of version 1
}

// Most returns how many bytes a message on a topic may have; -1 is that nothing may come there. Promise 8.
func (g *Gate) Most(topic string) int {
	t := g.Topics.Parse(topic)
	mine, known := t.Client == g.Self, g.knows(t.Sender)
	switch {
	case t.Kind == wire.InfoAll:
		return mostPresence
	case t.Kind == wire.InfoMe && mine:
		return mostAnswer
	case t.Kind == wire.ChangeTo && mine:
		return g.MaxRow // who sent it stands in it
	case t.Kind == wire.Announce && (mine || wire.ValidClient(t.Client) && g.knows(t.Client)):
		return mostNode
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

// knows reports whether the node has anything to do with a client.
func (g *Gate) knows(client string) bool {
	return g.Sends(client) || g.Accepts(client) || g.Asks != nil && g.Asks(client)
}
