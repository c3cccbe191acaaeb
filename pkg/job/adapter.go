package job

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Source is where a job's rows come from.
type Source interface {
	// Read calls yield with each row, in watermark order if the request has a watermark. It streams: only a few rows
	// are in memory. It stops at the first error, its own or yield's.
	Read(ctx context.Context, r Request, yield func(*record.Record) error) error
}

// Feed is a source that others push rows to.
type Feed interface {
	Source
	// Follow makes the feed call wake when rows have arrived; wake must not block.
	Follow(wake func())
}

// Request says what a run reads.
type Request struct {
	From From
	// Since is the watermark to read from, as the source writes it; nil: all rows.
	Since *string
	Date  string // of a report, such as 2026-11-27; "": not a report
	// Room is called by a source that knows a row's size before the row is in memory, if it is at least Large. It returns
	// when there is room for that many bytes; nil: there always is.
	Room func(ctx context.Context, bytes int) error
}

// Large is how many bytes a row must have for a source to ask for room.
const Large = 64 << 10

// Ask waits for room for a row of the given size, if it is Large.
func (r *Request) Ask(ctx context.Context, bytes int) error {
	if r.Room == nil || bytes < Large {
		return nil
	}
	return r.Room(ctx, bytes)
}

// From says what a job reads, as configured.
type From struct {
	Query      string
	Key        []string // columns; none: each run appends all rows
	IgnoreCase bool     // in keys
	Watermark  string   // column; "": each run reads all rows
	Deleted    string   // column; "": rows are not marked as deleted
	Truthy     bool     // 0, false and '' do not mean deleted
	Dated      bool     // each request is for a report of one date
	TypeID     string   // of the report, as the source calls it; "": none
	// Stall is how long to wait for the next row, of the source or of a destination that is read; 0: without limit.
	Stall time.Duration
}

// Destination is where a job's rows go.
type Destination interface {
	// Limits returns the limits of one leg.
	Limits() Limits
	// Send sends a batch to the destination. It returns one answer per operation, in order, or an error about the whole
	// batch: a *remote.Error says what to do next.
	Send(ctx context.Context, b *Batch) ([]Answer, error)
}

// Limits bound a destination's batches.
type Limits struct {
	Rows  int // operations in a batch
	Most  int // operations in a batch if the job asks for that many; 0: Rows
	Bytes int // of their data
}

// Comparer is a destination that is read at the start of each run, so that rows can be compared with what it has.
type Comparer interface {
	// Rows calls yield with each row that the destination has.
	Rows(ctx context.Context, yield func(Stored) error) error
}

// Checker is a destination that can be asked, before a run reads, whether it would accept anything.
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
	ID   string // the row's id at the destination; "" if unknown
	Data []byte // a JSON object; nil for a delete
	// Event is a UUID that identifies this state of the row: it stays the same when the state is resent, and no other
	// state has it, not even an equal one at another time.
	Event string
}

// Batch is what is sent at once. No two of its operations have the same key.
type Batch struct {
	ID         string // the same whenever the batch is sent
	Operations []Operation
}

// Answer is a destination's answer to one operation.
type Answer struct {
	ID      string // the row's id at the destination
	Refused string // why it was refused; "" if it was not
}
