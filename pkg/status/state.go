package status

import (
	"context"
	"encoding/json"
	"time"
)

// Source tells how a node is, whether it runs or not.
type Source interface {
	// State returns how the node is at this moment. It may be up to a second old, so
	// that any number of readers cost the database no more than one does.
	State(ctx context.Context) (*State, error)
}

// State is how a node is. GET /api/status answers with it, and /api/events sends
// it each second.
type State struct {
	Client       string        `json:"client"`
	Version      string        `json:"version"` // of the program
	Started      time.Time     `json:"started"`
	Now          time.Time     `json:"now"`
	LogLevel     string        `json:"logLevel"`
	Database     Link          `json:"database"`
	Broker       Link          `json:"broker"`
	SetBack      *time.Time    `json:"setBack,omitempty"` // when it was noticed that the database was set back to a backup; left out once all was compared
	Remotes      []Remote      `json:"remotes"`
	Tables       []Table       `json:"tables"`
	Streams      []Stream      `json:"streams"` // tables × remotes
	Transfers    []Transfer    `json:"transfers"`
	Transformers []Transformer `json:"transformers"`
	Conflicts    Conflicts     `json:"conflicts"`
	Verified     []Comparison  `json:"verified"`           // the last comparison of each table and remote
	Uncaptured   Count         `json:"uncaptured"`         // rows of table_changes
	Step         Step          `json:"step"`               // the one that takes longest now
	Problems     []string      `json:"problems,omitempty"` // what a person should look at, in sentences
}

// Step is what a loop is at, of rows that come in or go out.
type Step struct {
	Loop    string  `json:"loop,omitempty"` // "inbound of hamburg"; "" is that none is at anything
	Seconds float64 `json:"seconds"`        // for how long
}

// Link is the connection to a server.
type Link struct {
	Online  bool      `json:"online"`
	Address string    `json:"address"`           // without a login
	Server  string    `json:"server"`            // name and version, as far as known
	Since   time.Time `json:"since"`             // of being online, or not
	Refused bool      `json:"refused,omitempty"` // it is there, and does not let the node in
	Error   string    `json:"error,omitempty"`   // why it is not online, or what does not work all the same
}

// Count is a number that is not counted further than up to a bound.
type Count struct {
	Rows    int64 `json:"rows"`
	AtLeast bool  `json:"atLeast,omitempty"` // there are more, or it is an estimate
}

// Rate is how much went by.
type Rate struct {
	Rows      int64   `json:"rows"`      // since the node started
	PerSecond float64 `json:"perSecond"` // in the last 10 seconds
}

// Remote is another client: one of remoteClients or acceptFrom. With acceptFrom
// ["*"] all others are one, named "*", once they have sent something.
type Remote struct {
	Name     string     `json:"name"`
	Online   bool       `json:"online"`
	Met      bool       `json:"met"`             // it was there once, in this run or, as a node, in an earlier one
	Heard    *time.Time `json:"heard,omitempty"` // last sign of life
	Protocol int        `json:"protocol"`        // 1, or 2 with the batch extension; 0: not known yet
	Pending  Count      `json:"pending"`         // those that wait for another row among them
	Errors   int64      `json:"errors"`          // refused rows
	// NeverSent counts the tables that it was never sent: that nothing of them is pending says nothing.
	NeverSent int        `json:"neverSent"`
	Oldest    *time.Time `json:"oldest,omitempty"` // when the oldest pending row was written
	Lag       float64    `json:"lag"`              // seconds since then; 0: nothing is pending
	Sent      Rate       `json:"sent"`             // acked by it
	Received  Rate       `json:"received"`         // from it, applied here
	InFlight  int        `json:"inFlight"`         // rows sent and not acked
	Messages  Messages   `json:"messages"`
	Key       string     `json:"key,omitempty"` // name of the key by which what it is sent is sealed; "": in the clear
}

// Messages counts those with rows since the node started: batches, or changes of
// version 1.
type Messages struct {
	Sent       int64 `json:"sent"`
	Received   int64 `json:"received"`
	Unanswered int64 `json:"unanswered"` // not in time; they are sent again
	Unopened   int64 `json:"unopened"`   // in its name, of any kind: they did not open, or came in the clear though it must seal
}

// Table is one of the configuration.
type Table struct {
	Name     string `json:"name"`
	Sends    bool   `json:"sends"`    // in syncTables
	Receives bool   `json:"receives"` // in receiveTables
	Policy   string `json:"policy"`   // for conflicts

	Conflicts int64 `json:"conflicts"`         // found since the node started
	Altered   int64 `json:"altered,omitempty"` // values of received rows that are stored otherwise, since the node started
}

// Stream is a table and a remote.
type Stream struct {
	Table    string     `json:"table"`
	Remote   string     `json:"remote"`
	Standing string     `json:"standing"` // one of the words of standing.go: never sent, pending, in step, …
	Pending  Count      `json:"pending"`
	Errors   int64      `json:"errors"`
	Sent     Rate       `json:"sent"`
	Received Rate       `json:"received"`
	Refused  int64      `json:"refused"`            // times the remote refused a row, or a transformer failed for it, since the node started
	Rejected int64      `json:"rejected"`           // rows from the remote that this node refused, since the node started
	Last     *time.Time `json:"last,omitempty"`     // when a row was last acked or applied
	KeptBack bool       `json:"keptBack,omitempty"` // the remote does not take the table, so that it is sent none of its rows
}

// Transfer is a table that is sent, or was sent, to a remote as a whole.
type Transfer struct {
	Table    string     `json:"table"`
	Remote   string     `json:"remote"`
	Mode     string     `json:"mode"` // missing, all
	Done     int64      `json:"done"`
	Total    int64      `json:"total"` // about
	Rate     float64    `json:"rate"`  // rows a second
	Left     float64    `json:"left"`  // seconds, about; 0: not known
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished,omitempty"`
}

// Transformer is a script.
type Transformer struct {
	Table   string     `json:"table"`
	File    string     `json:"file"` // its name
	Calls   int64      `json:"calls"`
	Errors  int64      `json:"errors"`
	Last    string     `json:"last,omitempty"` // error
	LastAt  *time.Time `json:"lastAt,omitempty"`
	LastRow string     `json:"lastRow,omitempty"` // its id
}

// Conflicts counts them.
type Conflicts struct {
	Kept    int64 `json:"kept"`              // in sync_conflicts
	AtLeast bool  `json:"atLeast,omitempty"` // there are more than Kept
	Found   int64 `json:"found"`             // since the node started
}

// Rows names refused rows; what is empty is any.
type Rows struct {
	Remote string `json:"remote,omitempty"`
	Table  string `json:"table,omitempty"`
	ID     string `json:"id,omitempty"` // as sync_status shows it; needs Table
}

// RowError is a row that a remote refused or that a transformer failed on.
type RowError struct {
	Remote   string    `json:"remote"`
	Table    string    `json:"table"`
	ID       string    `json:"id"`
	Message  string    `json:"message"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	RetryAt  time.Time `json:"retryAt"` // when the node tries by itself
	Waits    bool      `json:"waits"`   // it may go through by itself, as one whose parent has not come: it counts as pending, not as an error
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
}

// ConflictNow is a conflict, and what has become of the row.
type ConflictNow struct {
	Conflict
	Now   json.RawMessage `json:"now"`   // the row as it is; null: there is none
	Later bool            `json:"later"` // it is not as it won: somebody has written it since
	Seen  string          `json:"seen"`  // names what the row is now, for PutBack
}

// PutBack says how the row that lost is written again.
type PutBack struct {
	Columns []string `json:"columns,omitempty"` // only these; none are all
	// Seen is that of the ConflictNow on which somebody has decided: if the row is
	// another now, nothing is written. Without it, a row that was written after the
	// conflict is written over only with Over.
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

// Comparison is what became of comparing a table with a remote.
type Comparison struct {
	Table   string       `json:"table"`
	Remote  string       `json:"remote"`
	At      time.Time    `json:"at"`
	Equal   bool         `json:"equal"`            // all rows were seen to be as they should
	Rows    int64        `json:"rows"`             // of this node
	Differs int64        `json:"differs"`          // how many rows do
	Differ  []Difference `json:"differ,omitempty"` // which; in State only the first of them
	// HeldBack counts the rows that a transformer keeps from the other side, which is
	// therefore right not to have them, and Incomparable those that one changes in a
	// way that cannot be seen from here: with any of these, Equal is false.
	HeldBack     int64  `json:"heldBack,omitempty"`
	Incomparable int64  `json:"incomparable,omitempty"`
	Repairs      int    `json:"repairs"`         // rows sent, or asked for, to make them equal
	Error        string `json:"error,omitempty"` // why it was not compared
}

// Difference is a row that is not the same on both sides.
type Difference struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"` // differs, missing here, missing there; "held back, but there": a transformer returns null, and the remote has the row
	Pending bool   `json:"pending,omitempty"`
}
