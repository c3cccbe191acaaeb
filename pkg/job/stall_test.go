package job_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// silent is a source or destination of which nothing comes after the first rows.
type silent struct {
	rows
	*service
}

func (s *silent) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	if err := s.rows.Read(ctx, r, yield); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// Rows implements job.Comparer.
func (s *silent) Rows(ctx context.Context, _ func(job.Stored) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// A source that has stopped sending rows, or a destination that is read, does not keep a run from ending.
func TestARunWithoutNewRowsEnds(t *testing.T) {
	for name, wired := range map[string]func(*world, *silent){
		"source":      func(w *world, s *silent) { w.Source = s },
		"destination": func(w *world, s *silent) { w.Legs[0].Destination = s },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, job.ModeReplace)
			w.source.put(5, "a")
			s := &silent{rows: w.source, service: w.service}
			wired(w, s)
			w.From.Stall = 50 * time.Millisecond
			r, err := w.run()
			if err == nil || !strings.Contains(err.Error(), "no row has come for 50ms") || r.State != ledger.Failed {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// The time that a destination needs, for which a source must wait, is not the source's.
func TestASlowDestinationIsNoStall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, job.ModeReplace)
	w.source.put(20_000, strings.Repeat("a", 2000)) // more than there is room for
	w.Room = job.NewRoom()
	w.From.Stall = 2 * time.Second // a busy machine has pauses too
	waited := false
	w.service.fault = func(*job.Batch) error {
		if !waited {
			waited = true
			<-time.After(w.From.Stall + 200*time.Millisecond)
		}
		return nil
	}
	if n := w.works(); n != 20_000 {
		t.Errorf("sent %d", n)
	}
}
