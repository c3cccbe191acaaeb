package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Job carries rows from a source to its legs' destinations. Only one run takes place at a time: the ledger refuses a
// second one.
type Job struct {
	Log         *zap.Logger
	Ledger      *ledger.Ledger
	Name        string
	Description string // for people; may be ""
	Source      Source
	From        From
	// Overlap is how far before the watermark a run starts to read: rows committed late may be older than rows already read.
	Overlap time.Duration
	Legs    []*Leg
	Guard   diff.Guard
	// Pause is how long to wait before first asking a destination about a batch in doubt; 0: 1 s.
	Pause time.Duration
	// EmptyFails makes a run that reads no rows fail.
	EmptyFails bool
	Room       *Room // of all jobs; nil: unbounded
}

// Mode says what happens to rows at a destination.
type Mode string

// The modes.
const (
	ModeAppend  Mode = "append"  // each run adds all rows
	ModeUpdate  Mode = "update"  // rows that are gone at the source stay
	ModeReplace Mode = "replace" // they are deleted
)

// Leg is a destination of a job.
type Leg struct {
	Name        string // of the destination and the object there
	Destination Destination
	Mode        Mode
	Compare     diff.Compare // for a Comparer
	Transform   Transformer  // nil: none
	Batch       int          // rows in a batch; 0: as many as the destination takes
	Flights     int          // batches in flight at a time; 0: one
	// Uncompared are columns that are not compared, because the destination replaces their values.
	Uncompared []string
	// Brought are legs of other jobs that bring rows from this destination to the source: those rows are not sent back.
	Brought []Brought

	ledger  *ledger.Leg
	brought []*ledger.Leg
	mu      sync.Mutex
	doubts  []*ledger.Batch // of this process: their answers were lost
}

// Transformer changes rows before they are compared and sent. A row that it marks Deleted is not for this destination;
// one that it marks Bad stays there as it is. An error means that no row could be changed.
type Transformer interface {
	Transform(ctx context.Context, c Cause, rows []*record.Record) error
}

// Cause says why a run takes place, and what it may do.
type Cause struct {
	Kind       string
	Occurrence string // that it claims; "": none
	Date       string // report date
	Repeats    int64  // the run whose report it requests once more; 0: none
	Approved   bool   // it may delete rows that the guard would keep
	Refused    bool   // for a Retry: also retry refused rows
	Read       bool   // for a Retry: also read the source, which was not read to its end
}

// Finishing returns the cause of a run that finishes what r left undone; a nil r could not start.
func Finishing(r *ledger.Run) Cause {
	switch {
	case r == nil:
		return Cause{Kind: Retry, Read: true}
	case r.Stage == stageSend && r.State != ledger.Interrupted:
		return Cause{Kind: Retry, Date: r.ReportDate}
	case r.Kind == Full || r.Kind == Backfill:
		return Cause{Kind: r.Kind, Date: r.ReportDate}
	}
	return Cause{Kind: Retry, Date: r.ReportDate, Repeats: r.Repeats, Read: true}
}

// ErrCancelled is the cause with which a run's context is cancelled by a person. A run whose context ends otherwise was
// interrupted.
var ErrCancelled = errors.New("cancelled")

// The kinds of runs.
const (
	Scheduled = "scheduled"
	Full      = "full"     // scheduled, reads all rows despite a watermark
	Change    = "change"   // rows have arrived at a Feed
	Manual    = "manual"   // on start, or by hand
	Retry     = "retry"    // of what an earlier run could not send
	Backfill  = "backfill" // by hand, reads all rows despite a watermark
	Repeat    = "repeat"   // of a report, some days after its date
	Test      = "test"     // a dry run
)

// all reports whether a run reads all rows despite a watermark.
func (c Cause) all() bool { return c.Kind == Full || c.Kind == Backfill }

// The stages in which a run may fail, as recorded with it.
const (
	stageRead      = "read"
	stageEmpty     = "empty" // there was nothing to read, but should have been
	stageTransform = "transform"
	stageSend      = "send"
	stageRepeat    = "repeat" // any of these, when a report was requested once more
)

// open gets the legs' ledgers.
func (j *Job) open(ctx context.Context) error {
	for _, l := range j.Legs {
		if l.ledger != nil {
			continue
		}
		var err error
		if l.ledger, err = j.Ledger.Leg(ctx, j.Name, ledger.Push, l.Name); err != nil {
			return err
		}
		for _, b := range l.Brought {
			g, err := j.Ledger.Leg(ctx, b.Job, ledger.Push, b.Leg)
			if err != nil {
				return err
			}
			l.brought = append(l.brought, g)
		}
	}
	return nil
}

// rows returns how many operations a batch of the leg may have.
func (l *Leg) rows() int {
	limits := l.Destination.Limits()
	if l.Batch > 0 {
		return min(l.Batch, max(limits.Rows, limits.Most))
	}
	return limits.Rows
}

// compares returns the destination if it is read in each run.
func (l *Leg) compares() (Comparer, bool) {
	c, ok := l.Destination.(Comparer)
	return c, ok && l.Mode != ModeAppend
}

// rested is how long scheduled runs leave refused rows alone.
const rested = time.Hour

// again puts rows that the destination has refused back into the outbox: it may accept them now. A scheduled run leaves
// out those refused in the last hour.
func (l *Leg) again(ctx context.Context, r *ledger.Run, c Cause) error {
	before := r.Started
	if c.Kind == Scheduled || c.Kind == Full {
		before = before.Add(-rested)
	}
	for after := int64(0); c.Kind != Retry || c.Refused; {
		list, err := l.ledger.Refusals(ctx, after, chunk)
		if err != nil || len(list) == 0 {
			return err
		}
		var ids []int64
		for _, f := range list {
			if after = f.ID; !f.At.After(before) {
				ids = append(ids, f.ID)
			}
		}
		if err := l.ledger.Retry(ctx, ids...); err != nil {
			return err
		}
	}
	return nil
}
