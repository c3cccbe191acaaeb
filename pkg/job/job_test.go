package job_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/zap/zaptest"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// rows is a source in memory.
type rows []*record.Record

func (r *rows) Read(_ context.Context, _ job.Request, yield func(*record.Record) error) error {
	for _, rec := range *r {
		c := *rec
		if err := yield(&c); err != nil {
			return err
		}
	}
	return nil
}

// put gives the source n rows with a value.
func (r *rows) put(n int, value string) {
	*r = nil
	for i := range n {
		*r = append(*r, &record.Record{Key: fmt.Sprint(i), Data: fmt.Appendf(nil, `{"id":%d,"v":%q}`, i, value)})
	}
}

// service is a destination that keeps what it is sent. fault receives batches in its place.
type service struct {
	has     map[string]string
	batches []*job.Batch
	fault   func(*job.Batch) error
	most    int
}

func (s *service) Limits() job.Limits { return job.Limits{Rows: 10, Most: s.most, Bytes: 1 << 20} }

func (s *service) Send(_ context.Context, b *job.Batch) ([]job.Answer, error) {
	s.batches = append(s.batches, b)
	if s.fault != nil {
		if err := s.fault(b); err != nil {
			return nil, err
		}
	}
	for _, o := range b.Operations {
		if o.Kind == job.Delete {
			delete(s.has, o.Key)
		} else {
			s.has[o.Key] = string(o.Data)
		}
	}
	return make([]job.Answer, len(b.Operations)), nil
}

// world is a job from the source to the destination, with a real state file.
type world struct {
	*job.Job
	t       *testing.T
	source  rows
	service *service
	file    string
}

func newWorld(t *testing.T, mode job.Mode) *world {
	w := &world{t: t, service: &service{has: map[string]string{}}, file: filepath.Join(t.TempDir(), "connector.db")}
	w.open(mode)
	return w
}

// open opens the state file as a freshly started process does.
func (w *world) open(mode job.Mode) {
	state, err := ledger.Open(w.t.Context(), w.file, ledger.Config{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = state.Close() })
	w.Job = &job.Job{
		Log: zaptest.NewLogger(w.t), Pause: 1, Ledger: state, Name: "j", Source: &w.source, From: job.From{Key: []string{"id"}}, Guard: diff.DefaultGuard,
		Legs: []*job.Leg{{Name: "service", Destination: w.service, Mode: mode}},
	}
}

// gone flags the first n rows as deleted.
func (w *world) gone(n int) {
	for _, rec := range w.source[:n] {
		rec.Deleted = true
	}
}

func (w *world) run() (*ledger.Run, error) { return w.Run(w.t.Context(), job.Cause{Kind: "manual"}) }

// works runs the job and returns how many operations it sent.
func (w *world) works() int {
	w.t.Helper()
	before := w.sent()
	if r, err := w.run(); err != nil || r.State != ledger.Done {
		w.t.Fatalf("the run failed: %+v, %v", r, err)
	}
	return w.sent() - before
}

func (w *world) sent() (n int) {
	for _, b := range w.service.batches {
		n += len(b.Operations)
	}
	return n
}

func TestNothingUnchangedIsSent(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(2500, "a")
	if n := w.works(); n != 2500 || len(w.service.has) != 2500 {
		t.Errorf("sent %d, the service has %d", n, len(w.service.has))
	}
	if n := w.works(); n != 0 {
		t.Errorf("sent %d unchanged rows", n)
	}
	w.source[7].Data = []byte(`{"id":7,"v":"b"}`)
	if n := w.works(); n != 1 || w.service.has["7"] != `{"id":7,"v":"b"}` {
		t.Errorf("sent %d, row %s", n, w.service.has["7"])
	}
}

func TestF09TheFirstRowOfAKeyCounts(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(3, "a")
	w.source = append(w.source, &record.Record{Key: "1", Data: []byte(`{"id":1,"v":"twin"}`)})
	for range 2 {
		w.works()
		if got := w.service.has["1"]; got != `{"id":1,"v":"a"}` || len(w.service.has) != 3 {
			t.Errorf("row %s", got)
		}
	}
}

func TestABadRowBlocksOnlyItself(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(10, "a")
	w.service.fault = func(b *job.Batch) error {
		if slices.ContainsFunc(b.Operations, func(o job.Operation) bool { return o.Key == "4" }) {
			return &remote.Error{Operation: "send", Status: http.StatusUnprocessableEntity, Next: remote.Next{Do: remote.RowRefused}, Body: strings.Repeat("€", 1<<20)}
		}
		return nil
	}
	r, err := w.run()
	if err == nil || !job.NeedsPerson(err) || len(w.service.has) != 9 || r.Refused != 1 {
		t.Errorf("%d rows arrived, %+v, %v", len(w.service.has), r, err)
	}
	if list, err := w.Ledger.RefusedOf(t.Context(), "j", 0, 2); err != nil || len(list) != 1 || len(list[0].Reason) > 2010 || !utf8.ValidString(list[0].Reason) {
		t.Errorf("%d rows are kept as refused, or with a long reason; %v", len(list), err)
	}
	w.service.fault = nil
	if n := w.works(); n != 1 || len(w.service.has) != 10 {
		t.Errorf("sent %d when it would be taken, %d rows have arrived", n, len(w.service.has))
	}
}

func TestADestinationThatIsDownLosesNothing(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(25, "a")
	down := &remote.Error{Operation: "send", Status: http.StatusServiceUnavailable, RequestID: "r-1", Next: remote.Next{Do: remote.Retry}}
	w.service.fault = func(*job.Batch) error { return down }
	r, err := w.run()
	if !errors.Is(err, down) || r.State != ledger.Failed || r.Stage != "send" || r.RequestID != "r-1" || r.Read != 25 {
		t.Fatalf("the run is %+v, %v", r, err)
	}
	w.service.fault = nil
	if _, err := w.Run(t.Context(), job.Cause{Kind: "retry"}); err != nil || len(w.service.has) != 25 {
		t.Errorf("%d rows arrived, %v", len(w.service.has), err)
	}
}

func TestBatchesInDoubtAreResentUnderTheirIDs(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(5, "a")
	w.service.fault = func(*job.Batch) error { return &remote.Error{Operation: "send", Next: remote.Next{Do: remote.Doubt}} }
	if _, err := w.run(); err == nil {
		t.Fatal("a batch in doubt does not count as a failure")
	}
	if err := w.Ledger.Close(); err != nil {
		t.Fatal(err)
	}
	w.service.fault = nil
	w.open(job.ModeUpdate)
	if n := w.works(); n != 5 || len(w.service.batches) != 2 || w.service.batches[0].ID != w.service.batches[1].ID {
		t.Errorf("sent %d, in %d batches", n, len(w.service.batches))
	}
}

func TestBatchesInDoubtAreResentByTheNextRun(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(25, "a")
	w.service.fault = func(*job.Batch) error { return &remote.Error{Operation: "send", Next: remote.Next{Do: remote.Doubt}} }
	for range 2 {
		if _, err := w.run(); err == nil {
			t.Fatal("a batch in doubt does not count as a failure")
		}
	}
	w.service.fault = nil
	w.works()
	if len(w.service.has) != 25 || w.service.batches[0].ID != w.service.batches[1].ID || w.service.batches[0].ID != w.service.batches[2].ID {
		t.Errorf("%d rows arrived", len(w.service.has))
	}
}

func TestUnacceptableRowsDeleteNothing(t *testing.T) {
	w := newWorld(t, job.ModeReplace)
	w.source.put(15, "a")
	w.works()
	for _, rec := range w.source {
		rec.Key, rec.Bad = "", "id: has no key"
	}
	if r, err := w.run(); err == nil || r.State != ledger.Waiting || len(w.service.has) != 15 {
		t.Errorf("run %+v, %v; the service has %d", r, err, len(w.service.has))
	}
}

// asked is a service that is read at the start of each run.
type asked struct {
	*service
	down error
}

func (a *asked) Check(context.Context) error { return a.down }

func (a *asked) Rows(_ context.Context, yield func(job.Stored) error) error {
	for key, data := range a.has {
		if err := yield(job.Stored{ID: "r" + key, Data: []byte(data)}); err != nil {
			return err
		}
	}
	return a.down
}

func TestAnUnreadableDestinationDoesNotStopReading(t *testing.T) {
	w := newWorld(t, job.ModeReplace)
	a := &asked{service: w.service}
	w.Legs[0].Destination = a
	w.service.has["0"], w.service.has["x"] = `{"id":0,"v":"a"}`, `{"id":"x"}`
	w.source.put(25, "a")
	a.down = &remote.Error{Operation: "check", Status: http.StatusServiceUnavailable, Next: remote.Next{Do: remote.Retry}}
	if r, err := w.run(); !errors.Is(err, a.down) || r.Stage != "send" || r.Read != 25 || w.sent() != 0 {
		t.Fatalf("the run is %+v, %v; sent %d", r, err, w.sent())
	}
	a.down = nil
	if _, err := w.Run(t.Context(), job.Cause{Kind: job.Retry}); err != nil || len(w.service.has) != 25 || w.sent() != 25 { // 24 inserts and a delete
		t.Errorf("the service has %d, sent %d, %v", len(w.service.has), w.sent(), err)
	}
}

func TestAReadableDestinationIsReadInDoubt(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.Legs[0].Destination = &asked{service: w.service}
	w.source.put(5, "a")
	w.service.fault = func(b *job.Batch) error { // carried out, but the answer is lost
		for _, o := range b.Operations {
			w.service.has[o.Key] = string(o.Data)
		}
		return &remote.Error{Operation: "send", Next: remote.Next{Do: remote.Doubt}}
	}
	if n := w.works(); n != 5 || len(w.service.batches) != 1 {
		t.Errorf("sent %d rows in %d batches, though 5 already exist", n, len(w.service.batches))
	}
	w.service.fault = func(*job.Batch) error { return &remote.Error{Operation: "send", Next: remote.Next{Do: remote.Doubt}} }
	w.source.put(6, "a")
	if _, err := w.run(); err == nil || len(w.service.batches) != 6 {
		t.Errorf("a destination that stays in doubt: %v after %d batches", err, len(w.service.batches))
	}
}

// late is a service that may still be at work on what a process sent before it was killed.
type late struct {
	*asked
	mu sync.Mutex
}

func (l *late) Rows(ctx context.Context, yield func(job.Stored) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked.Rows(ctx, yield)
}

// TestARequestMayStillArrive asks a destination that is at work on what was sent by a process that was killed, or by a
// run that was cancelled.
func TestARequestMayStillArrive(t *testing.T) {
	for name, again := range map[string]func(w *world){
		"killed": func(w *world) {
			if err := w.Ledger.Close(); err != nil {
				w.t.Fatal(err)
			}
			w.open(job.ModeUpdate)
		},
		"cancelled": func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, job.ModeUpdate)
			l := &late{asked: &asked{service: w.service}}
			w.Legs[0].Destination = l
			w.source.put(5, "a")
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			var under *job.Batch
			w.service.fault = func(b *job.Batch) error {
				under = b
				stop(job.ErrCancelled)
				return ctx.Err()
			}
			if _, err := w.Run(ctx, job.Cause{Kind: job.Manual}); err == nil {
				t.Fatal("the run was not stopped")
			}
			w.service.fault = nil
			again(w)
			w.Legs[0].Destination, w.Pause = l, time.Second
			time.AfterFunc(10*time.Millisecond, func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, o := range under.Operations {
					l.has[o.Key] = string(o.Data)
				}
			})
			if n := w.works(); n != 0 {
				t.Errorf("%d rows were sent again", n)
			}
		})
	}
}

func TestLargeRowsAreReadAFewAtATime(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(40, strings.Repeat("x", 1<<20))
	w.works()
	if len(w.service.has) != 40 || len(w.service.batches) < 40 {
		t.Errorf("%d rows in %d batches", len(w.service.has), len(w.service.batches))
	}
}

func TestF12ReplaceDeletesRowsMissingAtTheSource(t *testing.T) {
	w := newWorld(t, job.ModeReplace)
	w.source.put(100, "a")
	w.works()
	w.source = w.source[:90]
	if n := w.works(); n != 10 || len(w.service.has) != 90 {
		t.Errorf("sent %d, the service has %d", n, len(w.service.has))
	}
	w.source = w.source[:60]
	if r, err := w.run(); err == nil || !strings.Contains(err.Error(), "30 of 90") || r.State != ledger.Waiting || len(w.service.has) != 90 {
		t.Errorf("run %+v, %v; the service has %d", r, err, len(w.service.has))
	}
	w.source = nil
	if _, err := w.run(); err == nil || len(w.service.has) != 90 {
		t.Errorf("an empty source: %v; the service has %d", err, len(w.service.has))
	}
}

func TestF11DeletesByAColumnAreGuardedToo(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(100, "a")
	w.works()
	w.gone(100)
	if r, err := w.run(); err == nil || r.State != ledger.Waiting || len(w.service.has) != 100 {
		t.Errorf("run %+v, %v; the service has %d", r, err, len(w.service.has))
	}
	w.Guard.Off = true
	if n := w.works(); n != 100 || len(w.service.has) != 0 {
		t.Errorf("approved: sent %d, the service has %d", n, len(w.service.has))
	}
}

func TestAReturningRowIsSentAgain(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(1, "a")
	w.works()
	w.source[0].Deleted = true
	if n := w.works(); n != 1 || len(w.service.has) != 0 {
		t.Errorf("sent %d, the service has %d", n, len(w.service.has))
	}
	if n := w.works(); n != 0 {
		t.Errorf("sent %d deletes of a missing row", n)
	}
	w.source[0].Deleted = false
	if n := w.works(); n != 1 || len(w.service.has) != 1 {
		t.Errorf("sent %d, the service has %d", n, len(w.service.has))
	}
}

func TestABadRowHoldsTheWatermarkAndIsNotDeleted(t *testing.T) {
	w := newWorld(t, job.ModeReplace)
	w.From.Watermark = "at"
	w.source.put(3, "a")
	for i, rec := range w.source {
		rec.Mark = fmt.Sprint("m", i)
	}
	w.works()
	w.Legs[0].Transform = failing("2")
	w.source.put(3, "b")
	for i, rec := range w.source {
		rec.Mark = fmt.Sprint("n", i)
	}
	if r, err := w.run(); err == nil || r.State != ledger.Failed || !job.NeedsPerson(err) {
		t.Errorf("%+v, %v", r, err)
	}
	if mark, err := w.Ledger.Watermark(t.Context(), w.Name, ledger.Push); err != nil || mark.Read.Value != "m2" {
		t.Errorf("watermark %+v, %v", mark, err)
	}
	if len(w.service.has) != 3 || !strings.Contains(w.service.has["2"], `"a"`) || !strings.Contains(w.service.has["1"], `"b"`) {
		t.Errorf("the service has %v", w.service.has)
	}
	w.Legs[0].Transform = nil
	if n := w.works(); n != 1 {
		t.Errorf("sent %d", n)
	}
}

// failing is a transformer that fails for the row with a key.
type failing string

func (f failing) Transform(_ context.Context, _ job.Cause, rows []*record.Record) error {
	for _, rec := range rows {
		if rec.Key == string(f) {
			rec.Bad = "cannot be taken"
		}
	}
	return nil
}

func TestAFullRunReadsAllRowsThoughThereIsAWatermark(t *testing.T) {
	w := newWorld(t, job.ModeReplace)
	w.From.Watermark = "at"
	w.source.put(2, "a")
	for _, rec := range w.source {
		rec.Mark = "m"
	}
	w.works()
	asked := &asking{Source: w.Source}
	w.Source = asked
	w.works()
	if _, err := w.Run(t.Context(), job.Cause{Kind: job.Full, Occurrence: "2026-11-27T04:00 UTC"}); err != nil {
		t.Fatal(err)
	}
	if len(asked.since) != 2 || asked.since[0] == nil || asked.since[1] != nil {
		t.Errorf("read since %v", asked.since)
	}
}

// since is a source that reads only rows after the watermark.
type since struct{ *rows }

func (s since) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	return s.rows.Read(ctx, r, func(rec *record.Record) error {
		if r.Since != nil && rec.Mark <= *r.Since {
			return nil
		}
		return yield(rec)
	})
}

// A row that a source reports as deleted is reported again until the delete is in the outbox: a run
// that must not delete it, or is cut short before that, leaves the watermark before it. Promise 1.
func TestTheWatermarkStaysBeforePendingDeletes(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.From.Watermark, w.Source = "at", since{&w.source}
	w.source.put(50, "a")
	for i, rec := range w.source {
		rec.Mark = fmt.Sprintf("m%02d", i)
	}
	w.works()
	for i, rec := range w.source {
		if i%2 == 0 { // more than the guard lets through
			rec.Deleted = true
		} else {
			rec.Data = fmt.Appendf(nil, `{"id":%d,"v":"b"}`, i)
		}
		rec.Mark = fmt.Sprintf("n%02d", i)
	}
	for range 2 {
		if r, err := w.run(); err == nil || r.State != ledger.Waiting {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if len(w.service.has) != 50 || !strings.Contains(w.service.has["1"], `"b"`) {
		t.Errorf("the service has %v", w.service.has)
	}
	if r, err := w.Run(t.Context(), job.Cause{Kind: job.Manual, Approved: true}); err != nil || r.State != ledger.Done || len(w.service.has) != 25 {
		t.Errorf("%+v, %v, the service has %d", r, err, len(w.service.has))
	}
	if mark, err := w.Ledger.Watermark(t.Context(), w.Name, ledger.Push); err != nil || mark.Read.Value != "n49" {
		t.Errorf("watermark %+v, %v", mark, err)
	}
	if n := w.works(); n != 0 {
		t.Errorf("sent %d", n)
	}
}

// asking records where reading of a source begins.
type asking struct {
	job.Source
	since []*string
}

func (a *asking) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	a.since = append(a.since, r.Since)
	return a.Source.Read(ctx, r, yield)
}

// A refused row that was fixed since is not resent in its old state: a service that takes row by
// row would otherwise get it before the source is read.
func TestAFixedRowIsNotResentInItsOldState(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.Legs[0].Batch = 1
	w.source.put(10, "a")
	w.source[4].Data = []byte(`{"id":4,"v":"BAD"}`)
	w.service.fault = func(b *job.Batch) error {
		if strings.Contains(string(b.Operations[0].Data), "BAD") {
			return &remote.Error{Operation: "send", Status: http.StatusUnprocessableEntity, Next: remote.Next{Do: remote.RowRefused}}
		}
		return nil
	}
	if r, err := w.run(); !job.NeedsPerson(err) || r.Refused != 1 {
		t.Fatalf("the run is %+v, %v", r, err)
	}
	w.source[4].Data = []byte(`{"id":4,"v":"a"}`)
	if n := w.works(); n != 1 || len(w.service.has) != 10 {
		t.Errorf("sent %d, the service has %d", n, len(w.service.has))
	}
}

func TestBatchSizeFollowsJobAndDestination(t *testing.T) {
	for _, c := range []struct{ batch, most, want int }{
		{0, 0, 10}, {0, 40, 10}, {4, 0, 4}, {4, 40, 4}, {25, 0, 10}, {25, 40, 25}, {90, 40, 40},
	} {
		w := newWorld(t, job.ModeUpdate)
		w.Legs[0].Batch, w.service.most = c.batch, c.most
		w.source.put(100, "a")
		w.works()
		if n := len(w.service.batches[0].Operations); n != c.want {
			t.Errorf("batch %d, at most %d: %d operations were sent at once, want %d", c.batch, c.most, n, c.want)
		}
	}
}
