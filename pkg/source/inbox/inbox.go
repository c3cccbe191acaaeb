package inbox

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Watermark is what a job's From has as its watermark: no column has this name.
const Watermark = "number in the inbox"

// Source reads the rows that were pushed for one object, such as a table. It implements job.Feed, and is safe for
// concurrent use.
type Source struct {
	state          func() *ledger.Ledger
	source, object string

	mu    sync.Mutex
	wakes []func()
}

// New returns the source of an object. state returns the state, which is open before the first run.
func New(state func() *ledger.Ledger, source, object string) *Source {
	return &Source{state: state, source: source, object: object}
}

// Object returns what the rows are of.
func (s *Source) Object() string { return s.object }

// Inbox returns where to put rows.
func (s *Source) Inbox(ctx context.Context) (*ledger.Inbox, error) {
	return s.state().Inbox(ctx, s.source, s.object)
}

// Follow has wake called when rows have come. It must not block.
func (s *Source) Follow(wake func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes = append(s.wakes, wake)
}

// Came wakes those who follow.
func (s *Source) Came() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wake := range s.wakes {
		wake()
	}
}

// Read reads the newest state of each row, those after the request's watermark, in the order in which they came. Rows
// that come meanwhile are left to the next run.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	var after int64
	if r.Since != nil {
		var err error
		if after, err = strconv.ParseInt(*r.Since, 10, 64); err != nil {
			return fmt.Errorf("read the inbox of %s: the watermark %q is of another source", s.object, *r.Since)
		}
	}
	b, err := s.Inbox(ctx)
	if err != nil {
		return err
	}
	for p, err := range b.Rows(ctx, after) {
		if err != nil {
			return err
		}
		rec := r.From.Record(p.Data)
		rec.Deleted, rec.Mark = rec.Deleted || p.Deleted, strconv.FormatInt(p.Number, 10)
		if p.Deleted && rec.Bad != "" {
			continue // only its key has ever come, and that is not the job's: no job has it
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	return nil
}
