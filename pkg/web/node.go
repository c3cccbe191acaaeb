package web

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Node is the running node that the server shows and controls.
type Node interface {
	status.Node
	// Verify compares tables with remotes, and reports each comparison when it ends.
	Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error
	// SetLogLevel changes what is logged from now on: error, warn, info, debug.
	SetLogLevel(level string) error
	// Fleet returns all sites as the node sees them, if it watches them.
	Fleet(ctx context.Context) (*fleet.Fleet, error)
	// Configuration returns that of the running node.
	Configuration() *config.Config
	// History returns how a site was in the last 30 days; "" is the node itself.
	History(ctx context.Context, site string) (*fleet.History, error)
	// Row returns a row's state at this node and at each remote.
	Row(ctx context.Context, of status.RowAsk) (*status.Row, error)
	// At has another node, by its name, do something.
	At(ctx context.Context, site string, a wire.Act) (*status.Afar, error)
	// Admit lets in a site that asks to join, or dismisses it.
	Admit(ctx context.Context, a status.Admit) error
	// Reload rereads the configuration and the transformers. If they contain a mistake it
	// returns that, and the node carries on as before. Otherwise it returns once the node
	// works with them, or says why the node fell back.
	Reload(ctx context.Context) error
	// Health returns what keeps the node from working, or nil.
	Health(ctx context.Context) error
}

// Lines is a source of log lines.
type Lines interface {
	// Last returns the latest lines, the oldest of them first.
	Last() []logging.Line
	// Follow calls tell with each new log line until ctx ends. A slow
	// reader misses lines.
	Follow(ctx context.Context, tell func(logging.Line) error) error
}
