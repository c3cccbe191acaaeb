package mesh

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// An idle node announces itself once, and asks every ten minutes whether the broker still has the announcement.
func TestAnIdleNodeAnnouncesItselfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "node-b"), &memory{})
		time.Sleep(24 * time.Hour)
		if sent, asked := len(b.on("/node/node-a")), n.count(&n.asked); sent != 1 || asked < 140 || asked > 150 || n.mesh.Unkept() != "" || n.logged("") != 0 {
			t.Errorf("%d announcements, %d questions, %d lines, %q", sent, asked, n.logged(""), n.mesh.Unkept())
		}
	})
}

// An announcement that someone removes or replaces is published again, with growing pauses however often that happens.
func TestAVandalGetsFewAnnouncements(t *testing.T) {
	for name, payload := range map[string]string{"taken away": "", "replaced": "{", "lost": "-"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBus(t)
				n := b.start(remotes("node-a", "node-b"), &memory{})
				time.Sleep(time.Second)
				for range 3600 {
					if name == "lost" { // no one notices
						b.mu.Lock()
						clear(b.retained)
						b.mu.Unlock()
					} else {
						b.publish(transport.Message{Topic: "/node/node-a", Payload: []byte(payload), Retain: true})
					}
					time.Sleep(time.Second)
				}
				time.Sleep(11 * time.Minute)
				ours := 0
				for _, m := range b.on("/node/node-a") {
					if len(m.Payload) > 1 {
						ours++
					}
				}
				if ours < 2 || ours > 75 {
					t.Errorf("%d announcements in an hour", ours)
				}
				if len(b.copy("/node/node-a")) < 2 || n.mesh.Unkept() != "" {
					t.Error("the broker has none at the end")
				}
				if lines := n.logged("was removed from the broker"); name != "lost" && (lines < 5 || lines > 7) || name == "lost" && lines != 0 {
					t.Errorf("%d lines", lines)
				}
			})
		})
	}
}

// A broker that retains nothing is logged once; the node announces itself now and then. After reconnecting to a broker
// that retains, all is well.
func TestABrokerThatRetainsNothingIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		b.forgets = true
		n := b.start(remotes("node-a", "node-b"), &memory{})
		time.Sleep(24 * time.Hour)
		if n.logged("keeps no retained messages") != 1 || n.mesh.Unkept() == "" {
			t.Errorf("%d lines, %q", n.logged("keeps no retained messages"), n.mesh.Unkept())
		}
		if sent := len(b.on("/node/node-a")); sent < 700 || sent > 24*60+10 {
			t.Errorf("%d announcements in a day", sent)
		}
		b.mu.Lock()
		b.forgets = false
		b.mu.Unlock()
		n.connect()
		time.Sleep(time.Minute)
		if n.mesh.Unkept() != "" {
			t.Errorf("%q", n.mesh.Unkept())
		}
	})
}

// If an outage begins while a node asks the broker for its copy or waits for the answer, the node waits without polling.
func TestAnOutageIsWaitedOutWithoutPolling(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, ownTime + time.Second, time.Minute} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBus(t)
				b.loses = func(string, string) bool { return true }
				n := b.start(remotes("node-a", "node-b"), &memory{})
				time.Sleep(after)
				n.disconnect()
				time.Sleep(24 * time.Hour)
				if looks := n.count(&n.looks); looks > 24*60 {
					t.Errorf("it checked its connection %d times in a day", looks)
				}
				b.mu.Lock()
				b.loses = nil
				b.mu.Unlock()
				n.connect()
				time.Sleep(time.Minute)
				if n.mesh.Unkept() != "" || n.logged("") != 0 {
					t.Errorf("%q, %d lines", n.mesh.Unkept(), n.logged(""))
				}
			})
		})
	}
}
