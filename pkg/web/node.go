package web

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// Node is what the server shows and does: the running node. Its methods are called
// from many goroutines, and return when ctx ends.
type Node interface {
	status.Source
	// Errors returns rows that are refused, the latest first.
	Errors(ctx context.Context, of status.Rows, limit int) ([]status.RowError, error)
	// Retry has refused rows sent again now, and returns how many.
	Retry(ctx context.Context, of status.Rows) (int64, error)
	// Conflicts returns the conflicts before the one with a number (0: the latest).
	Conflicts(ctx context.Context, before uint64, limit int) ([]status.Conflict, error)
	// Conflict returns one conflict, with the row as it is now.
	Conflict(ctx context.Context, conflict uint64) (*status.ConflictNow, error)
	// PutBack writes the row that lost a conflict over the one that stands.
	PutBack(ctx context.Context, conflict uint64, how status.PutBack) error
	// Resync has a table sent to a remote again.
	Resync(ctx context.Context, r status.Resync) error
	// Verify compares tables with remotes, and tells each comparison as it ends.
	Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error
	// SetLogLevel changes what is logged from now on: error, warn, info, debug.
	SetLogLevel(level string) error
	// Reload reads the configuration and the transformers again. Where they have a
	// mistake it returns that, and the node goes on as it was. Otherwise it returns when
	// the node works with them, or why it does not and went back.
	Reload(ctx context.Context) error
	// Health tells what keeps the node from its work; nil is nothing.
	Health(ctx context.Context) error
}

// Lines is a source of log lines.
type Lines interface {
	// Last returns the latest lines, the oldest of them first.
	Last() []logging.Line
	// Follow calls tell with each line that is logged from now on, until ctx ends. A
	// reader that is too slow misses lines.
	Follow(ctx context.Context, tell func(logging.Line) error) error
}
