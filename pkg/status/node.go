package status

import "context"

// Source tells the state of a node, running or stopped.
type Source interface {
	// State returns the node's state. It may be up to a second old, so that many readers
	// cost the database no more than one.
	State(ctx context.Context) (*State, error)
}

// Node answers what people ask of a node, running or stopped. Its methods are called from
// many goroutines, and return when ctx ends.
type Node interface {
	Source
	// Errors returns rows that are refused, the latest first.
	Errors(ctx context.Context, of Rows, limit int) ([]RowError, error)
	// Retry resends refused rows now, and returns how many.
	Retry(ctx context.Context, of Rows) (int64, error)
	// Conflicts returns conflicts, the latest first.
	Conflicts(ctx context.Context, of ConflictsAsk) ([]Conflict, error)
	// Conflict returns one conflict, with the row as it is now.
	Conflict(ctx context.Context, conflict uint64) (*ConflictNow, error)
	// PutBack restores the row that lost a conflict.
	PutBack(ctx context.Context, conflict uint64, how PutBack) error
	// Dismiss has conflicts no longer listed, and returns how many that changed.
	Dismiss(ctx context.Context, d Dismiss) (int64, error)
	// KeepBoth inserts the row that lost a conflict under another key, and returns the new row's id.
	KeepBoth(ctx context.Context, conflict uint64, how KeepBoth) (string, error)
	// Resync sends a table to a remote again.
	Resync(ctx context.Context, r Resync) error
	// Pause pauses sending.
	Pause(ctx context.Context, p PauseAsk) error
	// Resume ends pauses, and returns those that were in force.
	Resume(ctx context.Context, of ResumeAsk) ([]Pause, error)
}

var (
	_ Node = (*Running)(nil)
	_ Node = (*Stopped)(nil)
)
