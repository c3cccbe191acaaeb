package job_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// The deletes of a run that has read all rows are carried out once a person approves them, although a manual run otherwise
// reads from the watermark on, which does not show deleted rows.
func TestDeletesOfAFullRunCanBeApproved(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{job.Full, job.Backfill} {
		w := newWorld(t, job.ModeReplace)
		w.From.Watermark, w.Source = "at", since{&w.source}
		w.source.put(50, "a")
		for i, rec := range w.source {
			rec.Mark = fmt.Sprintf("m%02d", i)
		}
		w.works()
		w.source = w.source[:10]
		if r, err := w.Run(t.Context(), job.Cause{Kind: kind}); err == nil || r.State != ledger.Waiting || len(w.service.has) != 50 {
			t.Fatalf("%s: %+v, %v", kind, r, err)
		}
		if n := w.works(); n != 0 { // it does not see the deletes, so they still wait
			t.Errorf("%s: a run from the watermark sends %d", kind, n)
		}
		asked := &asking{Source: w.Source}
		w.Source = asked
		r, err := w.Run(t.Context(), job.Cause{Kind: job.Manual, Approved: true})
		if err != nil || r.Kind != job.Backfill || len(w.service.has) != 10 {
			t.Errorf("%s: approved: %+v, %v; the service has %d", kind, r, err, len(w.service.has))
		}
		if _, err := w.Run(t.Context(), job.Cause{Kind: job.Manual, Approved: true}); err != nil {
			t.Error(err)
		}
		if len(asked.since) != 2 || asked.since[0] != nil || asked.since[1] == nil {
			t.Errorf("%s: read since %v; want all rows, and then, with nothing waiting, from the watermark", kind, asked.since)
		}
	}
}
