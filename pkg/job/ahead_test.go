package job_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// flying is the number of batches recorded in the state file.
func (w *world) flying() (n int) {
	db, err := sql.Open("sqlite", "file:"+w.file+"?mode=ro")
	if err == nil {
		err = errors.Join(db.QueryRowContext(w.t.Context(), `SELECT count(*) FROM batches`).Scan(&n), db.Close())
	}
	if err != nil {
		w.t.Error(err)
	}
	return n
}

// While a batch is at the destination, the next one is taken, and only that one: they arrive in order.
func TestTheNextBatchIsTakenWhileOneIsSent(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(35, "a")
	most := 0
	w.service.fault = func(b *job.Batch) error {
		for t.Context().Err() == nil && len(b.Operations) == 10 && b.Operations[0].Key == "0" && most < 2 {
			most = max(most, w.flying())
		}
		return nil
	}
	if n := w.works(); n != 35 || most != 2 {
		t.Errorf("%d rows were sent, %d batches were recorded at once", n, most)
	}
	at := 0
	for _, b := range w.service.batches {
		for _, o := range b.Operations {
			if o.Key != fmt.Sprint(at) {
				t.Fatalf("row %s was sent out of order, as number %d", o.Key, at)
			}
			at++
		}
	}
}

// A batch that was taken but not sent is neither lost nor in doubt, whatever happened to the one before it.
func TestTheNextBatchWaitsAfterAFailure(t *testing.T) {
	for name, do := range map[string]remote.Verb{"retry": remote.Retry, "stop": remote.Stop, "doubt": remote.Doubt} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, job.ModeUpdate)
			w.source.put(35, "a")
			w.service.fault = func(b *job.Batch) error {
				if b.Operations[0].Key == "10" {
					return &remote.Error{Operation: "send", Next: remote.Next{Do: do}}
				}
				return nil
			}
			if _, err := w.run(); err == nil {
				t.Fatal("the run did not fail")
			}
			if n := len(w.service.batches); n != 2 {
				t.Errorf("%d batches were sent, want 2", n)
			}
			if n, want := w.flying(), map[bool]int{true: 1}[do == remote.Doubt]; n != want {
				t.Errorf("%d batches are recorded, want %d", n, want)
			}
			w.service.fault = nil
			if n := w.works(); n != 25 || len(w.service.has) != 35 {
				t.Errorf("%d rows were sent then, the service has %d", n, len(w.service.has))
			}
		})
	}
}

// A refused row is found by bisection, and the next batch arrives in the same run.
func TestTheNextBatchFollowsARefusedRow(t *testing.T) {
	w := newWorld(t, job.ModeUpdate)
	w.source.put(35, "a")
	w.source[14].Data = []byte(`{"id":14,"v":"BAD"}`)
	w.service.fault = func(b *job.Batch) error {
		for _, o := range b.Operations {
			if strings.Contains(string(o.Data), "BAD") {
				return &remote.Error{Operation: "send", Status: http.StatusUnprocessableEntity, Next: remote.Next{Do: remote.RowRefused}}
			}
		}
		return nil
	}
	if r, err := w.run(); !job.NeedsPerson(err) || r.Refused != 1 || r.Sent != 34 || len(w.service.has) != 34 {
		t.Errorf("run %+v, %v; the service has %d", r, err, len(w.service.has))
	}
}
