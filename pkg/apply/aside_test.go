package apply

import (
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// TestATurnMayEndAfterNothingIsSetAside: someone else looks during a turn that has taken all rows of its table, as when a
// change is settled while others come in.
func TestATurnMayEndAfterNothingIsSetAside(t *testing.T) {
	var r room
	now := time.Now()
	in := &Incoming{}
	in.Row = change.Row{Table: "orders", Key: "1"}
	stopped := &task{in: in, res: &Result{Err: &Wait{text: "waits", stuck: true}, Retry: true}}
	r.note(now, []*task{stopped})
	now = now.Add(time.Minute)
	turn := r.due(now)
	if len(turn.tasks) != 1 {
		t.Fatalf("the turn has %d rows", len(turn.tasks))
	}
	if other := r.due(now); len(other.tasks) > 0 {
		t.Fatal("a row has two turns")
	}
	for _, x := range turn.tasks {
		*x.res = Result{Wrote: true}
	}
	r.note(now, turn.tasks)
	r.tried(now, now, turn, false)
	if len(r.rows) > 0 || len(r.asides) > 0 {
		t.Errorf("%d rows wait, in %d tables", len(r.rows), len(r.asides))
	}
}
