package status

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
)

// State is the state of a node. GET /api/status returns it, and /api/events sends it every
// second.
type State struct {
	Client       string          `json:"client"`
	Version      string          `json:"version"` // of the program
	Started      time.Time       `json:"started"`
	Now          time.Time       `json:"now"`
	LogLevel     string          `json:"logLevel"`
	Fleet        bool            `json:"fleet,omitempty"`  // the node collects how its partners are: see GET /api/fleet
	Led          *lead.Standing  `json:"led,omitempty"`    // how it stands with the hub that leads its configuration
	Leads        []lead.Profile  `json:"leads,omitempty"`  // by which it leads others
	Asking       []sites.Waiting `json:"asking,omitempty"` // sites that ask to join, which a person has to let in
	Capture      Captured        `json:"capture"`          // how local writes are noticed
	Database     Link            `json:"database"`
	Broker       Link            `json:"broker"`
	SetBack      *time.Time      `json:"setBack,omitempty"` // when the node noticed that the database was restored from a backup; omitted once everything was compared
	Pauses       []Pause         `json:"pauses,omitempty"`  // what people have paused
	Remotes      []Remote        `json:"remotes"`
	Tables       []Table         `json:"tables"`
	Streams      []Stream        `json:"streams"` // tables × remotes
	Transfers    []Transfer      `json:"transfers"`
	Transformers []Transformer   `json:"transformers"`
	Conflicts    Conflicts       `json:"conflicts"`
	Verified     []Comparison    `json:"verified"`           // the last comparison of each table and remote
	Uncaptured   Count           `json:"uncaptured"`         // local changes
	Step         Step            `json:"step"`               // the one taking longest now
	Problems     []string        `json:"problems,omitempty"` // what needs a person's attention, in sentences
}

// Captured is how local writes are noticed.
type Captured struct {
	By      string   `json:"by,omitempty"`      // trigger or log; "": the node does not run
	Instead []string `json:"instead,omitempty"` // why it is not the log, with capture: auto
}

// Step is what a loop of the node is doing, for rows coming in or going out.
type Step struct {
	Loop    string  `json:"loop,omitempty"` // "inbound of hamburg"; "": all are idle
	Seconds float64 `json:"seconds"`        // for how long
}

// Link is the connection to a server.
type Link struct {
	Online  bool      `json:"online"`
	Address string    `json:"address"`           // without a login
	Server  string    `json:"server"`            // name and version, as far as known
	Since   time.Time `json:"since"`             // of being online, or not
	Refused bool      `json:"refused,omitempty"` // it answers, but refuses the node
	Error   string    `json:"error,omitempty"`   // why it is offline, or what does not work anyway
}

// Count is a number that is counted only up to a bound.
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
	Met      bool       `json:"met"`             // it was online once, in this run or, as a node, in an earlier one
	Heard    *time.Time `json:"heard,omitempty"` // last sign of life
	Protocol int        `json:"protocol"`        // 1, or 2 with the batch extension; 0: unknown
	Pending  Count      `json:"pending"`         // including those that wait for another row
	Errors   int64      `json:"errors"`          // refused rows
	// NeverSent counts the tables that it was never sent: for these, nothing pending means nothing.
	NeverSent int        `json:"neverSent"`
	Oldest    *time.Time `json:"oldest,omitempty"` // when the oldest pending row was written, apart from those that are paused
	Lag       float64    `json:"lag"`              // seconds since then; 0: nothing is pending, but of what is paused
	Sent      Rate       `json:"sent"`             // acked by it
	Received  Rate       `json:"received"`         // from it, applied here
	InFlight  int        `json:"inFlight"`         // rows sent but not acked
	Messages  Messages   `json:"messages"`
	Key       string     `json:"key,omitempty"` // id of the key used to seal for it; "": in the clear
}

// Messages counts those with rows since the node started: batches, or changes of
// version 1.
type Messages struct {
	Sent       int64 `json:"sent"`
	Received   int64 `json:"received"`
	Unanswered int64 `json:"unanswered"` // not in time; they are sent again
	Unopened   int64 `json:"unopened"`   // in its name, of any kind: they could not be opened, or came in the clear although it must seal
}

// Table is one of the configuration.
type Table struct {
	Name     string `json:"name"`
	Sends    bool   `json:"sends"`    // in syncTables
	Receives bool   `json:"receives"` // in receiveTables
	Policy   string `json:"policy"`   // for conflicts

	Conflicts int64 `json:"conflicts"`         // found since the node started
	Altered   int64 `json:"altered,omitempty"` // values of received rows that are stored differently, since the node started
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
	KeptBack bool       `json:"keptBack,omitempty"` // the remote does not accept the table, so it is sent none of its rows
	Paused   bool       `json:"paused,omitempty"`   // no rows are sent until a person, or the time, ends the pause
}

// Pause is something that a person has paused.
type Pause struct {
	Remote string     `json:"remote,omitempty"` // "": all
	Table  string     `json:"table,omitempty"`  // "": all
	Along  []string   `json:"along,omitempty"`  // tables held back because they refer to the table
	Began  time.Time  `json:"began"`
	Until  *time.Time `json:"until,omitempty"` // by the database's clock; omitted: until it is resumed
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by,omitempty"` // who paused it from afar; omitted: someone here
}

// Paused reports whether nothing is sent to a remote.
func (s *State) Paused(remote string) bool {
	return slices.ContainsFunc(s.Pauses, func(p Pause) bool { return p.Table == "" && (p.Remote == "" || p.Remote == remote) })
}

// Transfer is a table that is being sent, or was sent, to a remote as a whole.
type Transfer struct {
	Table    string     `json:"table"`
	Remote   string     `json:"remote"`
	Mode     string     `json:"mode"` // missing, all
	Done     int64      `json:"done"`
	Total    int64      `json:"total"` // approximate
	Rate     float64    `json:"rate"`  // rows a second
	Left     float64    `json:"left"`  // approximate seconds; 0: unknown
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
	Kept    int64 `json:"kept"`              // in sync_conflicts, without those that were dismissed
	AtLeast bool  `json:"atLeast,omitempty"` // there are more than Kept
	Found   int64 `json:"found"`             // since the node started
}
