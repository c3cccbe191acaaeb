package node

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
)

// Host is what a node needs from the process that it runs in.
type Host interface {
	// Broker has the embedded broker run as configured, and returns once it listens; or has none run. It outlives the node.
	Broker(ctx context.Context, c config.Broker) error
	// Waits is called when the node begins to wait for its servers: from then on it can report its state.
	Waits(ctx context.Context) error
	// Serves is called once the node has its database; when it returns nil, the node works and can be asked to
	// do anything.
	Serves(ctx context.Context) error
	// Restart replaces this node by one with the same configuration, and with the sites that have joined by now. It returns at
	// once.
	Restart(ctx context.Context)
	// Try replaces this node by one with a signed configuration from its hub, and returns nil once that works; or it returns
	// why not, and the node goes on.
	Try(ctx context.Context, signed []byte) error
}

// Meter counts what is not part of a node's state.
type Meter = receive.Meter

// Working returns a channel that is closed once the node works.
func (n *Node) Working() <-chan struct{} { return n.working }
