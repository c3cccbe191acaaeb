package status

import (
	"encoding/json"
	"time"
)

// Rows selects refused rows; an empty field matches any.
type Rows struct {
	Remote string `json:"remote,omitempty"`
	Table  string `json:"table,omitempty"`
	ID     string `json:"id,omitempty"` // as sync_status shows it; needs Table
}

// RowError is a row that a remote refused, or on which a transformer failed.
type RowError struct {
	Remote   string    `json:"remote"`
	Table    string    `json:"table"`
	ID       string    `json:"id"`
	Message  string    `json:"message"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	RetryAt  time.Time `json:"retryAt"` // when the node tries by itself
	Waits    bool      `json:"waits"`   // it may go through by itself, for example when its parent arrives: it counts as pending, not as an error
}

// Conflict is two versions of a row, neither of which knew the other. A row is a
// JSON object; null is a deleted one.
type Conflict struct {
	ID       uint64     `json:"id"`
	Table    string     `json:"table"`
	Row      string     `json:"row"` // its id
	At       time.Time  `json:"at"`
	Policy   string     `json:"policy"`
	Winner   Version    `json:"winner"`
	Loser    Version    `json:"loser"`
	PutBack  *time.Time `json:"putBack,omitempty"`
	Standing bool       `json:"standing"` // not put back yet

	// InsertedAs is the id of the row as which the one that lost was put back, if not as itself.
	InsertedAs string     `json:"insertedAs,omitempty"`
	Dismissed  *time.Time `json:"dismissed,omitempty"`
}

// ConflictsAsk selects conflicts; an empty field matches any.
type ConflictsAsk struct {
	Before    uint64 // the number of the conflict before which they are; 0: the latest
	Limit     int
	Table     string
	Row       string // its id
	Find      string // a text in the id, or in a value of one of the rows; at most 1000 bytes
	Dismissed bool   // those that were dismissed, instead of the others
}

// Dismiss names conflicts that are no longer to be listed and counted.
type Dismiss struct {
	Conflicts []uint64 `json:"conflicts"` // their numbers, at most 1000
	Undo      bool     `json:"undo"`      // list them again
}

// KeepBoth says under which key the row that lost is inserted.
type KeepBoth struct {
	// Key has columns of the primary key with their values as text. Without it, the server numbers the row.
	Key map[string]string `json:"key,omitempty"`
	// Again inserts it even if it was put back or inserted before.
	Again bool `json:"again,omitempty"`
}

// ConflictNow is a conflict with the row's current state.
type ConflictNow struct {
	Conflict
	Now   json.RawMessage `json:"now"`   // the current row; null: there is none
	Later bool            `json:"later"` // it is not as it won: someone has written it since
	Seen  string          `json:"seen"`  // identifies the current row, for PutBack
}

// PutBack says how to restore the row that lost.
type PutBack struct {
	Columns []string `json:"columns,omitempty"` // only these; none are all
	// Seen is that of the ConflictNow on which the decision was made: if the row has changed
	// since, nothing is written. Without it, a row written after the conflict is overwritten
	// only with Over.
	Seen string `json:"seen,omitempty"`
	Over bool   `json:"over,omitempty"`
}

// Version is one side of a conflict.
type Version struct {
	Origin string          `json:"origin"` // the client that wrote it
	At     time.Time       `json:"at"`
	Row    json.RawMessage `json:"row"`
}

// Resync asks for a table to be sent again.
type Resync struct {
	Table  string `json:"table"`
	Remote string `json:"remote"` // "" is all
	Mode   string `json:"mode"`   // missing, all
	Where  string `json:"where"`  // an SQL condition; only by the Unix socket
}

// Verify asks for comparisons; empty lists mean all.
type Verify struct {
	Tables  []string `json:"tables"`
	Remotes []string `json:"remotes"`
	Repair  bool     `json:"repair"`
}

// Comparison is the result of comparing a table with a remote.
type Comparison struct {
	Table   string       `json:"table"`
	Remote  string       `json:"remote"`
	At      time.Time    `json:"at"`
	Equal   bool         `json:"equal"`            // all rows were seen to be as they should
	Rows    int64        `json:"rows"`             // of this node
	Differs int64        `json:"differs"`          // how many rows do
	Differ  []Difference `json:"differ,omitempty"` // which; in State, only the first of them
	// HeldBack counts the rows that a transformer keeps from the other side, which is
	// therefore right not to have them, and Incomparable those that one changes in a
	// way that cannot be seen from here: with any of these, Equal is false.
	HeldBack     int64  `json:"heldBack,omitempty"`
	Incomparable int64  `json:"incomparable,omitempty"`
	Repairs      int    `json:"repairs"`         // rows sent, or asked for, to make them equal
	Error        string `json:"error,omitempty"` // why it was not compared
}

// Difference is a row that differs between the two sides.
type Difference struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"` // differs, missing here, missing there; "held back, but there": a transformer returns null, and the remote has the row
	Pending bool   `json:"pending,omitempty"`
}
