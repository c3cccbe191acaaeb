package mesh

import (
	"testing"
	"time"
)

func TestARemoteGetsTimeToAnnounceItselfOnce(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	after := func(d time.Duration) time.Time { return at.Add(d) }
	var m meeting
	if !m.waits(at, false) || !m.waits(after(announceTime-1), false) {
		t.Error("it is sent messages before it could announce itself")
	}
	m.left()
	if !m.waits(after(time.Minute), false) {
		t.Error("time offline counts")
	}
	if m.waits(after(time.Minute+announceTime), false) {
		t.Error("an existing peer is never sent anything")
	}
	m.left()
	if m.waits(after(time.Hour), false) {
		t.Error("an existing peer is waited for each time it comes online")
	}
	var node meeting
	if !node.waits(at, false) || node.waits(at, true) {
		t.Error("a peer that announced itself is waited for")
	}
	node.left()
	if node.waits(after(time.Hour), false) {
		t.Error("a peer whose announcement was forgotten is waited for")
	}
}
