package job_test

import (
	"context"
	"errors"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// dying is a source that fails after some rows.
type dying struct {
	rows
	after int
}

func (d *dying) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	some := d.rows[:d.after]
	if err := some.Read(ctx, r, yield); err != nil {
		return err
	}
	return errors.New("the connection was lost")
}

// A source that is down, or goes down while being read, does not count as empty: unread rows stay, guard or not.
func TestAFailedReadDeletesNothing(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 3, 25} {
		w := newWorld(t, job.ModeReplace)
		w.Guard.Off = true
		w.source.put(25, "a")
		w.works()
		w.source.put(25, "b")
		w.Source = &dying{w.source, after}
		if r, err := w.run(); err == nil || r.State != ledger.Failed || r.Stage != "read" {
			t.Errorf("after %d rows: %+v, %v", after, r, err)
		}
		if len(w.service.has) != 25 {
			t.Errorf("after %d rows the service has %d", after, len(w.service.has))
		}
		w.source.put(20, "b")
		w.Source = &w.source
		w.works()
		if len(w.service.has) != 20 {
			t.Errorf("after %d rows, and when the source is up again, the service has %d", after, len(w.service.has))
		}
	}
}
