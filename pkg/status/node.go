package status

import "context"

// Source tells how a node is, whether it runs or not.
type Source interface {
	// State returns how the node is at this moment. It may be up to a second old, so
	// that any number of readers cost the database no more than one does.
	State(ctx context.Context) (*State, error)
}

// Node is what people ask of a node, whether it runs or not. Its methods are called from
// many goroutines, and return when ctx ends.
type Node interface {
	Source
	// Errors returns rows that are refused, the latest first.
	Errors(ctx context.Context, of Rows, limit int) ([]RowError, error)
	// Retry has refused rows sent again now, and returns how many.
	Retry(ctx context.Context, of Rows) (int64, error)
	// Conflicts returns the conflicts before the one with a number (0: the latest).
	Conflicts(ctx context.Context, before uint64, limit int) ([]Conflict, error)
	// Conflict returns one conflict, with the row as it is now.
	Conflict(ctx context.Context, conflict uint64) (*ConflictNow, error)
	// PutBack writes the row that lost a conflict over the one that stands.
	PutBack(ctx context.Context, conflict uint64, how PutBack) error
	// Resync has a table sent to a remote again.
	Resync(ctx context.Context, r Resync) error
}

var (
	_ Node = (*Running)(nil)
	_ Node = (*Stopped)(nil)
)
