package inbox

import (
	"context"
	"fmt"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Watermark stands in for the watermark in a job's From: no column has this name.
const Watermark = "number in the inbox"

// Source reads the rows pushed for one object, such as a table. It implements job.Feed, and is safe for
// concurrent use.
type Source struct {
	state          func() *ledger.Ledger
	source, object string

	mu    sync.Mutex
	wakes []func()
}

// New returns an object's source. state returns the state, which is open before the first run.
func New(state func() *ledger.Ledger, source, object string) *Source {
	return &Source{state: state, source: source, object: object}
}

// Name returns the name of the source.
func (s *Source) Name() string { return s.source }

// Object returns what the rows belong to.
func (s *Source) Object() string { return s.object }

// mark is a job's watermark: the inbox, and the number of a state in it.
func mark(b *ledger.Inbox, number int64) string { return fmt.Sprintf("%d/%d", b.ID(), number) }

// Reached returns the number of the state up to which a job with a watermark has read; 0 if the watermark belongs to
// another source or table, which the job read before.
func (s *Source) Reached(ctx context.Context, watermark string) (int64, error) {
	b, err := s.Inbox(ctx)
	if err != nil {
		return 0, err
	}
	return reached(b, watermark), nil
}

func reached(b *ledger.Inbox, watermark string) int64 {
	var id, number int64
	if n, err := fmt.Sscanf(watermark, "%d/%d", &id, &number); err != nil || n != 2 || id != b.ID() {
		return 0
	}
	return number
}

// Inbox returns where to store rows.
func (s *Source) Inbox(ctx context.Context) (*ledger.Inbox, error) {
	return s.state().Inbox(ctx, s.source, s.object)
}

// Follow registers wake, which is called when rows have arrived and must not block.
func (s *Source) Follow(wake func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes = append(s.wakes, wake)
}

// Came wakes the followers.
func (s *Source) Came() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wake := range s.wakes {
		wake()
	}
}

// Read reads the newest state of each row, after the request's watermark, or all if that belongs to another source, in order
// of arrival. Rows that arrive meanwhile are left to the next run.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	b, err := s.Inbox(ctx)
	if err != nil {
		return err
	}
	var after int64
	if r.Since != nil {
		after = reached(b, *r.Since)
	}
	for p, err := range b.Rows(ctx, after) {
		if err != nil {
			return err
		}
		if p.Data == nil && p.Size > 0 {
			if err := r.Ask(ctx, p.Size); err != nil {
				return err
			}
			there, err := b.Load(ctx, &p)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
		}
		rec := r.From.Record(p.Data)
		rec.Deleted, rec.Mark = rec.Deleted || p.Deleted, mark(b, p.Number)
		if p.Deleted && rec.Bad != "" {
			continue // only another key than the job's ever came: no job has it
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	return nil
}
