package deliver

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// A row may be acked in an older version while sync_status shows a newer one as
// pending already: the ack makes it successful there, so it is looked at again.
func TestAnAckOfAnOlderChangeShowsTheNewerOneAgain(t *testing.T) {
	row := func(key string) change.Row { return change.Row{Table: "t", Key: key} }
	sent := func(key string, position int64) outbox.Sent {
		return outbox.Sent{Item: outbox.Item{Row: row(key), Position: position}}
	}
	r := road{Place: outbox.Place{Acked: 5, Shown: 5}, taken: 5}
	first, second := r.read(10, 2), r.read(20, 1)
	r.Shown = 40
	r.shows(&version.Waiting{Row: row("a"), Position: 25})
	r.shows(&version.Waiting{Row: row("b"), Position: 30})

	first.close(2)
	r.answered([]outbox.Sent{sent("b", 9), sent("c", 10)})
	at := r.reached()
	if at != (outbox.Place{Acked: 10, Shown: 29}) {
		t.Errorf("reached %+v", at)
	}
	r.booked(at)
	if len(r.stretches) != 1 || r.stretches[0] != second {
		t.Errorf("stretches %+v", r.stretches)
	}
	r.answered([]outbox.Sent{sent("b", 30), sent("c", 15)})
	if r.Shown != 29 {
		t.Errorf("an answer about what is not shown anew moved Shown to %d", r.Shown)
	}
	r.answered([]outbox.Sent{sent("a", 8)})
	if r.Shown != 24 || len(r.newer) != 0 {
		t.Errorf("Shown %d, %v", r.Shown, r.newer)
	}
}

// Promise 10: a stream of which a remote needs nothing is one stretch.
func TestSkippedRowsDoNotGrowTheWindow(t *testing.T) {
	var r road
	flight := r.read(10, 3)
	for at := int64(20); at <= 2000; at += 10 {
		r.read(at, 0)
	}
	if len(r.stretches) != 2 || r.taken != 2000 {
		t.Fatalf("%d stretches, taken up to %d", len(r.stretches), r.taken)
	}
	if at := r.reached(); at.Acked != 0 {
		t.Errorf("reached %+v with rows on their way", at)
	}
	flight.close(3)
	if at := r.reached(); at.Acked != 2000 {
		t.Errorf("reached %+v", at)
	}
}
