package mesh

import (
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// needsInfo reports whether presence must go over /info, which every client of a mesh reads: anyone may come, or one of the clients
// that the configuration names is not known to tell its presence on its own topic. That may be an existing peer, an older node, or one
// that was never met. It is asked again whenever something is heard of a client, so it is safe to be wrong in that direction only.
func needsInfo(anyone bool, named []string, speaksHere func(client string) bool) bool {
	if anyone {
		return true
	}
	for _, client := range named {
		if !speaksHere(client) {
			return true
		}
	}
	return false
}

// infoUse is how a connection uses /info, and with it the topics on which existing peers write to this node.
type infoUse int

const (
	withoutInfo infoUse = iota // it is not subscribed to /info. Existing peers are not there: to their topics it is at QoS 0
	hearsInfo                  // the same, but it is subscribed to /info at QoS 0, in case one comes
	speaksInfo                 // one may be there: all are subscribed at QoS 1
	unsureInfo                 // a change failed, or came when the connection had been replaced
)

// topics returns what to subscribe to, at QoS 1 and 0.
func (u infoUse) topics(t wire.Topics, client string) (surely, loosely []string) {
	own := t.Version1(client)
	switch u {
	case speaksInfo:
		return append(own, t.Info()), nil
	case hearsInfo:
		return nil, append(own, t.Info())
	}
	return nil, own
}

// testament is where a connection's will goes. There is one will to a connection.
type testament int

const (
	toInfo testament = iota // to all: existing peers know no other
	toHere                  // to the node's own topic, for the broker to keep
	toHear                  // to the node's own topic, for those who listen now
)

// willOf decides where the next connection's will goes, by how the last attempt ended. Brokers refuse a login whose will they would
// not publish, and cut one whose will they would not keep.
func willOf(info, keepsNothing bool, last error) testament {
	switch {
	case info, errors.Is(last, transport.ErrRefused):
		return toInfo
	case keepsNothing, errors.Is(last, transport.ErrCut):
		return toHear
	}
	return toHere
}
