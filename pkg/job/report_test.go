package job_test

import (
	"context"
	"errors"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// script is a transformer.
type script func(job.Cause, []*record.Record) error

func (s script) Transform(_ context.Context, c job.Cause, rows []*record.Record) error {
	return s(c, rows)
}

// down is a source that does not answer.
type down struct{}

func (down) Read(context.Context, job.Request, func(*record.Record) error) error {
	return errors.New("no answer")
}

func TestR18R20AFailedReportHasItsStage(t *testing.T) {
	t.Parallel()
	for want, breaks := range map[string]func(*world){
		"":      func(*world) {},
		"read":  func(w *world) { w.Job.Source = down{} },
		"empty": func(w *world) { w.source = nil },
		"transform": func(w *world) {
			w.Legs[0].Transform = script(func(job.Cause, []*record.Record) error { return errors.New("a bug") })
		},
		"send": func(w *world) {
			w.service.fault = func(*job.Batch) error { return &remote.Error{Next: remote.Next{Do: remote.Stop}, RequestID: "r-1"} }
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, job.ModeUpdate)
			w.source.put(2, "a")
			w.EmptyFails = true
			breaks(w)
			r, err := w.Run(t.Context(), job.Cause{Kind: job.Manual, Date: "2026-11-27"})
			if (err != nil) != (want != "") || r.Stage != want || r.ReportDate != "2026-11-27" || want == "send" && r.RequestID != "r-1" {
				t.Errorf("%+v, %v", r, err)
			}
			if want == "" {
				return
			}
			// The stage determines what a retry does.
			if c := job.Finishing(r); c.Kind != job.Retry || c.Date != "2026-11-27" || c.Read != (want != "send") {
				t.Errorf("it is retried by %+v", c)
			}
			// The same holds for a repeat of an earlier report: only the update is missing.
			r, err = w.Run(t.Context(), job.Cause{Kind: job.Repeat, Occurrence: "2026-11-06", Date: "2026-11-06", Repeats: r.ID})
			if err == nil || r.Stage != "repeat" || r.Repeats == 0 {
				t.Errorf("repeated: %+v, %v", r, err)
			}
			if c := job.Finishing(r); c.Kind != job.Retry || c.Date != "2026-11-06" || !c.Read || c.Repeats != r.Repeats {
				t.Errorf("the repeat is retried by %+v", c)
			}
		})
	}
}

// A row that only the script breaks is the script's fault.
func TestR18ARowBrokenByAScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t, job.ModeUpdate)
	w.source.put(2, "a")
	w.Legs[0].Transform = script(func(_ job.Cause, rows []*record.Record) error {
		rows[1].Bad = "the script has thrown"
		return nil
	})
	if r, err := w.run(); err == nil || r.Stage != "transform" || len(w.service.has) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// An empty report that counts as failed deletes nothing, and one that may be empty is done.
func TestR20AnEmptyReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, job.ModeReplace)
	w.source.put(2, "a")
	w.EmptyFails = true
	if n := w.works(); n != 2 {
		t.Fatalf("sent %d", n)
	}
	w.source = nil
	if r, err := w.run(); err == nil || r.State != ledger.Failed || job.NeedsPerson(err) || len(w.service.has) != 2 {
		t.Errorf("%+v, %v, the service has %v", r, err, w.service.has)
	}
	other := newWorld(t, job.ModeUpdate)
	if r, err := other.run(); err != nil || r.State != ledger.Done {
		t.Errorf("%+v, %v", r, err)
	}
}
