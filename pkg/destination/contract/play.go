package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// play is a job that carries rows to a world.
type play struct {
	*World
	tb    testkit.TB
	rows  source
	file  string // of the state
	state *ledger.Ledger
	job   *job.Job
	spy   *spy
}

// perBatch is how many rows a batch has, if the destination allows so many.
const perBatch = 10

// begin is a process with an empty state.
func begin(tb testkit.TB, w *World, r remote.Config) *play {
	tb.Helper()
	p := &play{World: w, tb: tb, rows: source{}}
	folder, err := os.MkdirTemp("", "contract")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	p.open(filepath.Join(folder, "connector.db"), r)
	return p
}

// open is a process with a given state.
func (p *play) open(file string, r remote.Config) {
	p.tb.Helper()
	if p.state != nil {
		p.try(p.state.Close())
	}
	p.file = file
	var err error
	p.state, err = ledger.Open(context.Background(), file, ledger.Config{})
	p.try(err)
	p.tb.Cleanup(func() { _ = p.state.Close() })
	if r.Tries.Pause == 0 {
		r.Tries.Pause = 1
	}
	p.spy = &spy{tb: p.tb, Destination: p.Open(p.tb, r)}
	leg := &job.Leg{Name: "there", Destination: p.spy.seen(), Mode: job.ModeReplace, Batch: perBatch, Flights: 2}
	p.job = &job.Job{
		Log: zap.NewNop(), Ledger: p.state, Name: "contract", Source: p.rows, From: job.From{Key: []string{"id"}},
		Guard: diff.DefaultGuard, Pause: 1, Legs: []*job.Leg{leg},
	}
}

// again is another process with the same state.
func (p *play) again() {
	p.tb.Helper()
	p.open(p.file, remote.Config{})
}

// run runs the job.
func (p *play) run(ctx context.Context) (*ledger.Run, error) {
	return p.job.Run(ctx, job.Cause{Kind: job.Manual})
}

// arrives runs the job, which must succeed; then the peer has each of the source's rows once.
func (p *play) arrives() {
	p.tb.Helper()
	r, err := p.run(context.Background())
	if err != nil || r.State != ledger.Done {
		p.tb.Fatalf("the run is %+v, %v", r, err)
	}
	p.equal(p.rows)
}

// settled checks that another run sends nothing.
func (p *play) settled() {
	p.tb.Helper()
	before := p.spy.count()
	p.arrives()
	if n := p.spy.count() - before; n != 0 {
		p.tb.Fatalf("%d batches were sent although nothing had changed", n)
	}
}

// equal checks that the peer has exactly these rows, each once.
func (p *play) equal(want source) {
	p.tb.Helper()
	var has, wanted []string
	for _, text := range p.Has(p.tb) {
		has = append(has, p.short(text))
	}
	for _, text := range want {
		wanted = append(wanted, p.short(text))
	}
	slices.Sort(has)
	slices.Sort(wanted)
	if !slices.Equal(has, wanted) {
		p.tb.Fatalf("the peer has %d rows:\n%v\nthe source has %d:\n%v", len(has), has, len(wanted), wanted)
	}
}

// short summarizes a row.
func (p *play) short(text string) string {
	p.tb.Helper()
	var row struct{ ID, V json.Number }
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		p.tb.Fatalf("the peer has %s: %v", text, err)
	}
	return fmt.Sprintf("%s=%s", row.ID, row.V)
}

func (p *play) try(err error) {
	p.tb.Helper()
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
}

// source has rows by id.
type source map[int]string

// put gives it n rows from 1, in the state of a round.
func (s source) put(n, round int) {
	clear(s)
	for id := range n {
		s[id+1] = fmt.Sprintf(`{"id":%d,"v":%d}`, id+1, round*10000+id+1)
	}
}

// Read yields all rows, in order of id.
func (s source) Read(_ context.Context, _ job.Request, yield func(*record.Record) error) error {
	for _, id := range slices.Sorted(maps.Keys(s)) {
		key, err := record.Key([]any{int64(id)}, false)
		if err != nil {
			return err
		}
		if err := yield(&record.Record{Key: key, Data: []byte(s[id])}); err != nil {
			return err
		}
	}
	return nil
}

// spy records what a destination is sent, and checks its limits. A fault sits between the job and the destination.
type spy struct {
	job.Destination
	tb testkit.TB

	mu      sync.Mutex
	batches []*job.Batch
	fault   fault
}

// fault sends the nth batch, or does not.
type fault func(ctx context.Context, n int, send func(context.Context) ([]job.Answer, error)) ([]job.Answer, error)

// seen wraps the destination for a job; it can be read back if the original can.
func (s *spy) seen() job.Destination {
	if c, ok := s.Destination.(job.Comparer); ok {
		return struct {
			*spy
			job.Comparer
		}{s, c}
	}
	return s
}

// Check asks the destination, if possible.
func (s *spy) Check(ctx context.Context) error {
	if c, ok := s.Destination.(job.Checker); ok {
		return c.Check(ctx)
	}
	return nil
}

// Send sends.
func (s *spy) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	s.mu.Lock()
	s.batches = append(s.batches, b)
	n, f := len(s.batches), s.fault
	s.mu.Unlock()
	bytes := 0
	for _, o := range b.Operations {
		bytes += len(o.Data)
	}
	if l := s.Limits(); len(b.Operations) > max(l.Rows, l.Most) || bytes > l.Bytes && len(b.Operations) > 1 {
		return nil, fmt.Errorf("a batch of %d rows and %d bytes", len(b.Operations), bytes)
	}
	send := func(ctx context.Context) ([]job.Answer, error) { return s.Destination.Send(ctx, b) }
	if f == nil {
		return send(ctx)
	}
	return f(ctx, n, send)
}

// sent returns the batches so far, repeated ones each time.
func (s *spy) sent() []*job.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.batches)
}

func (s *spy) count() int { return len(s.sent()) }

// fails sets the fault of later batches.
func (s *spy) fails(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}
