package job

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Source is where a job's rows come from.
type Source interface {
	// Read calls yield with each row, in watermark order if the request has a watermark. It streams: only a few rows
	// are in memory. It ends with the first error, its own or yield's.
	Read(ctx context.Context, r Request, yield func(*record.Record) error) error
}

// Feed is a source that others push rows to.
type Feed interface {
	Source
	// Follow has wake called when rows have come. It must not block.
	Follow(wake func())
}

// Request says what a run reads.
type Request struct {
	From From
	// Since is the watermark from which to read, as the source writes it; nil: all rows.
	Since *string
	Date  string // of a report, such as 2026-11-27; "": it is none
	// Room is called by a source that knows how large a row will be before it has it in memory, if that is Large. It
	// returns when there is room for so many bytes; nil: there always is.
	Room func(ctx context.Context, bytes int) error
}

// Large is from how many bytes on a source asks for room.
const Large = 64 << 10

// Ask asks for room for a row of so many bytes.
func (r *Request) Ask(ctx context.Context, bytes int) error {
	if r.Room == nil || bytes < Large {
		return nil
	}
	return r.Room(ctx, bytes)
}

// From is what a job reads, as its configuration says.
type From struct {
	Query      string
	Key        []string // columns; none: each run appends all rows
	IgnoreCase bool     // of the key
	Watermark  string   // column; "": each run reads all rows
	Deleted    string   // column; "": rows are not marked as deleted
	Truthy     bool     // 0, false and '' do not mean deleted
	Dated      bool     // each request is for a report of one date
	TypeID     string   // of the report, as the source calls it; "": it has none
}

// Destination is where a job's rows go.
type Destination interface {
	// Limits are those of one leg.
	Limits() Limits
	// Send brings a batch to the destination. It returns one answer per operation, in order, or an error that concerns
	// the whole batch: a *remote.Error says what to do next.
	Send(ctx context.Context, b *Batch) ([]Answer, error)
}

// Limits bound what a destination is sent.
type Limits struct {
	Rows  int // operations in a batch
	Most  int // operations in one if the job asks for so many; 0: Rows
	Bytes int // of their data
}

// Comparer is a destination that is read at the start of each run, so that rows can be compared with what it has.
type Comparer interface {
	// Rows calls yield with each row that the destination has.
	Rows(ctx context.Context, yield func(Stored) error) error
}

// Checker is a destination that can be asked whether it would accept anything, before a run reads.
type Checker interface {
	Check(ctx context.Context) error
}

// Stored is a row that a destination has.
type Stored struct {
	ID   string
	Data []byte // a JSON object
}

// Kind is what an operation does.
type Kind string

// The kinds.
const (
	Insert Kind = "insert" // the destination is not known to have the row
	Update Kind = "update"
	Delete Kind = "delete"
)

// Operation is what to do with one row at a destination.
type Operation struct {
	Kind Kind
	Key  string
	ID   string // the row's at the destination; "" if it is not known
	Data []byte // a JSON object; nil for a delete
	// Event identifies this state of the row, as a UUID: it stays the same when the state is resent, and no other state
	// has it, not even an equal one at another time.
	Event string
}

// Batch is what is sent at once. No two of its operations have the same key.
type Batch struct {
	ID         string // the same whenever the batch is sent
	Operations []Operation
}

// Answer is a destination's answer to one operation.
type Answer struct {
	ID      string // the row's at the destination
	Refused string // why it was refused; "": it was not
}
