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

// TestAConnectionEndsWhileItsSubscriptionsChange has the change concern the next connection, which began with others than the one before.
func TestAConnectionEndsWhileItsSubscriptionsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		hub, site := b.start(remotes("hub", "site"), &memory{}), b.start(remotes("site", "hub"), &memory{})
		time.Sleep(time.Minute)
		for _, n := range []*node{hub, site} { // the first connections were made when they had not met
			n.disconnect()
			n.connect()
		}
		time.Sleep(time.Minute)
		b.mu.Lock()
		site.during = func() { // the site misses the hub, and asks for the presence of all
			site.disconnect()
			hub.connect()
			site.connect()
		}
		b.mu.Unlock()
		hub.disconnect()
		time.Sleep(2 * HereLease)
		b.mu.Lock()
		defer b.mu.Unlock()
		if site.during != nil {
			t.Fatal("the site does not miss the hub")
		}
		if _, reads := site.filters[site.mesh.topics.Info()]; reads {
			t.Error("it still reads the presence of all though the hub is back")
		}
	})
}
