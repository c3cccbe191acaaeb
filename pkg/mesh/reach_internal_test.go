package mesh

import (
	"testing"
	"time"
)

func TestARemoteHasTheTimeToAnnounceItselfOnce(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	after := func(d time.Duration) time.Time { return at.Add(d) }
	var m meeting
	if !m.waits(at, false) || !m.waits(after(announceTime-1), false) {
		t.Error("it is spoken to before it can have announced itself")
	}
	m.left()
	if !m.waits(after(time.Minute), false) {
		t.Error("the time that it was away counts")
	}
	if m.waits(after(time.Minute+announceTime), false) {
		t.Error("an existing peer is never spoken to")
	}
	m.left()
	if m.waits(after(time.Hour), false) {
		t.Error("an existing peer is waited for each time that it comes")
	}
	var node meeting
	if !node.waits(at, false) || node.waits(at, true) {
		t.Error("one that has announced itself is waited for")
	}
	node.left()
	if node.waits(after(time.Hour), false) {
		t.Error("one whose announcement was forgotten is waited for")
	}
}
