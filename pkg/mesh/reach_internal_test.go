package mesh

import (
	"testing"
	"testing/synctest"
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

// A broker may lose what it delivers at QoS 0. An announcement of another run that got lost is asked for.
func TestALostAnnouncementOfAnotherRunIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		x, m := b.start(remotes("node-a", "node-b"), &memory{}), &memory{}
		y := b.start(remotes("node-b", "node-a"), m)
		settle()
		y.leave()
		b.loses = func(to, topic string) bool { return to == "node-a" && topic == "/node/node-b" }
		again := remotes("node-b", "node-a")
		again.ReceiveTables = []string{"orders", "items"}
		x.mesh.peers.tables["items"] = true
		y = b.start(again, m)
		time.Sleep(time.Second)
		b.mu.Lock()
		b.loses = nil
		b.mu.Unlock()
		settle()
		if !x.mesh.Receives("node-b", "items") || x.mesh.Reach("node-b") != Ready {
			t.Error("what it announced in its earlier run still counts")
		}
		renewed := x.count(&x.renewed)
		time.Sleep(time.Hour)
		if n := x.count(&x.renewed) - renewed; n > 0 {
			t.Errorf("it was asked for %d times more", n)
		}
		y.leave()
	})
}
