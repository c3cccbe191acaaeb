package apply

import (
	"strconv"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// TestAChainThatWaitsIsWalkedOnce has each of many rows wait for the one before, the first of which is not there: who looks
// for a ring from each of them to the end takes a hundred times as long as is allowed here.
func TestAChainThatWaitsIsWalkedOnce(t *testing.T) {
	t.Parallel()
	const rows = ringRows - 1
	var r room
	row := func(i int) change.Row { return change.Row{Table: "events", Key: strconv.Itoa(i)} }
	for i := range rows {
		in := &Incoming{}
		in.Row = row(i + 1)
		r.note(time.Now(), []*task{{in: in, res: &Result{Err: &Wait{text: "waits", needs: []change.Row{row(i)}}}}})
	}
	if len(r.fresh) != rows {
		t.Fatalf("%d rows are remembered", len(r.fresh))
	}
	begun := time.Now()
	if tasks, _ := r.next(); len(tasks) > 0 {
		t.Errorf("%d rows are tried without the first", len(tasks))
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %s", took)
	}
	// With the last piece of a ring all are tried.
	in := &Incoming{}
	in.Row = row(0)
	r.note(time.Now(), []*task{{in: in, res: &Result{Err: &Wait{text: "waits", needs: []change.Row{row(rows)}}}}})
	if tasks, ring := r.next(); len(tasks) != rows+1 || !ring {
		t.Errorf("%d rows are tried together", len(tasks))
	}
}
