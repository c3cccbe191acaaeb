package daemon

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// A row may be acked in an older version while sync_status shows a newer one as
// pending already: the ack makes it successful there, so it is looked at again.
func TestAnAckOfAnOlderChangeHasLaterOnesShownAgain(t *testing.T) {
	r := road{Place: outbox.Place{Acked: 5, Shown: 5}, taken: 5}
	first, second := r.read(10, 1), r.read(20, 1)
	r.Shown = 30
	first.close(1)
	r.answered(first)
	at := r.reached()
	if at != (outbox.Place{Acked: 10, Shown: 10}) {
		t.Errorf("reached %+v", at)
	}
	r.booked(at)
	if len(r.stretches) != 1 || r.stretches[0] != second {
		t.Errorf("stretches %+v", r.stretches)
	}
	r.answered(nil)
	if r.Shown != 10 {
		t.Errorf("an answer about a marked row moved Shown to %d", r.Shown)
	}
}

// Promise 10: a stream of which a remote needs nothing is one stretch.
func TestWhatIsPassedOverDoesNotGrowTheRoad(t *testing.T) {
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
