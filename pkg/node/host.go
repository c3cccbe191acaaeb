package node

import (
	"context"
	"time"
)

// Host is what a node has of the process that it runs in.
type Host interface {
	// Waits is called when the node begins to wait for its servers: it may be looked at.
	Waits(ctx context.Context) error
	// Serves is called once the node has its database, and works when it returns nil: from
	// then on it may be asked for all that it does.
	Serves(ctx context.Context) error
	// Restart has a node of the configuration take this one's place, and returns at once.
	Restart(ctx context.Context)
}

// Meter counts what a node does not tell as its state.
type Meter interface {
	// Applied is told that received rows were written, and how long that took.
	Applied(took time.Duration)
	// Panicked is told that a message or a question made the node panic.
	Panicked()
}

// Working returns a channel that is closed once the node works.
func (n *Node) Working() <-chan struct{} { return n.working }
