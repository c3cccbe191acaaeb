package deliver

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Destination is where a Sender's rows go. It is called by one goroutine at a time.
type Destination interface {
	// Ready reports whether rows may be sent now.
	Ready() bool
	// Limits returns how much may be in flight. It may change from one call to the next.
	Limits() Limits
	// Declines reports whether the destination has said that it does not accept a table; Takes, whether it is known
	// that it does.
	Declines(table string) bool
	Takes(table string) bool
	// Pack makes messages of rows, in their order: one per row if they were read under Limits.Single.
	Pack(rows []render.Outgoing, single bool) []Message
	// Send sends a message. The error is ErrAway if the destination is no longer ready.
	Send(ctx context.Context, m Message) error
	// Answered is called when a message was answered.
	Answered(Name)
	// Unanswered is called when too many messages in a row were not answered, and returns what that means; said tells
	// whether it has already reported that.
	Unanswered(said bool) Silence
}

// ErrAway is Send's error when the destination is no longer ready: what should have been sent is still due.
var ErrAway = errors.New("the destination is not there")

// Limits bound what is in flight to a destination.
type Limits struct {
	Rows     int  // read at a time
	Messages int  // unanswered
	Bytes    int  // packed size in flight beyond which no message follows; 0: no limit
	MaxRow   int  // bytes of the largest row that is accepted
	Routes   bool // it knows rows that are withdrawn; otherwise they are deleted there
	Merges   bool // it knows by which writes columns were made
	Counts   bool // it knows counters
	Single   bool // each row is a message of its own, with only one per row in flight
}

// Name identifies a message in its answer: its number, or its row.
type Name struct {
	Seq       uint64
	Table, ID string
}

// Message is what a Destination sends, and what is answered as a whole.
type Message struct {
	Name  Name  // the Sender numbers messages without one
	Stamp int64 // distinguishes it from earlier ones of its name
	Rows  int   // number of rows, starting where the previous message ends
	Body  []byte
	Err   error // the row cannot be packed
}

// Answer is a destination's answer to a message.
type Answer struct {
	Name   Name
	Stamp  int64
	Failed []wire.Reject // of its rows, by index
	Held   []wire.Held   // rows of which the destination has a later write, by index
	Open   bool          // another answer may follow; the last one counts
	Size   int           // bytes it takes in memory until it is recorded
}

// Held is a row that a destination did not write because, it says, it has a later write of the same origin.
type Held struct {
	outbox.Sent
	By wire.Held
}

// Silence is what it means when a destination does not answer.
type Silence int

const (
	Slow      Silence = iota // nothing: it may still answer
	Otherwise                // a different protocol is used from now on
	Mute                     // it should answer, but does not
)
