package deliver

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Destination is where the rows of a Sender go. It is asked by one goroutine at a time.
type Destination interface {
	// Ready reports whether rows may be sent now.
	Ready() bool
	// Limits returns what may be on its way. They may change from one call to the next.
	Limits() Limits
	// Declines reports whether the destination has said that it does not take a table, Takes whether it has said that it does.
	Declines(table string) bool
	Takes(table string) bool
	// Pack makes messages of rows, in their order: one of each if they were made for that, as Limits.Single had it.
	Pack(rows []render.Outgoing, single bool) []Message
	// Send sends a message. The error is ErrAway if the destination is not ready any more.
	Send(ctx context.Context, m Message) error
	// Answered says that a message was answered.
	Answered(Name)
	// Unanswered says that too many messages in a row were not answered, and whether it has said before what that means.
	Unanswered(said bool) Silence
}

// ErrAway is Send's error when the destination is no longer ready: what was to be sent is still due.
var ErrAway = errors.New("the destination is not there")

// Limits bound what is on its way to a destination.
type Limits struct {
	Rows     int  // read at a time
	Messages int  // without an answer
	Bytes    int  // of them, packed, beyond which no other follows; 0: any
	MaxRow   int  // bytes of the largest row that is taken
	Single   bool // each row is a message of its own, and only one of a row is on its way
}

// Name is what the answer to a message names it by: its number, or the row that it is.
type Name struct {
	Seq       uint64
	Table, ID string
}

// Message is what a Destination sends, and what is answered as a whole.
type Message struct {
	Name  Name  // the Sender numbers those that have none
	Stamp int64 // tells it from earlier ones of its name
	Rows  int   // how many rows it has, from where the message before ends
	Body  []byte
	Err   error // the row cannot be packed
}

// Answer is what a destination says of a message.
type Answer struct {
	Name   Name
	Stamp  int64
	Failed []wire.Reject // of its rows, by their index
	Held   []wire.Held   // rows of which the destination has a later write, by their index
	Open   bool          // another answer may follow, and the last one counts
	Size   int           // bytes that it takes in memory until it is booked
}

// Held is a row that a destination did not write since it has, as it says, a later write of the same origin.
type Held struct {
	outbox.Sent
	By wire.Held
}

// Silence is what it means that a destination does not answer.
type Silence int

const (
	Slow      Silence = iota // nothing: it may answer yet
	Otherwise                // it is spoken to otherwise from now on
	Mute                     // it should answer, and does not
)
