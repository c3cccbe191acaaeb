package mesh

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Nodes meet whatever the broker does to their announcements, and before that neither sends the
// other anything: it would use version 1. Promise 3.
func TestNodesMeetBeforeTheySend(t *testing.T) {
	for name, prepare := range map[string]func(*bus){
		"a broker that retains":              func(*bus) {},
		"a broker that retains nothing":      func(b *bus) { b.forgets = true },
		"a broker that ends connections":     func(b *bus) { b.ends = true },
		"a cluster that delivers only later": func(b *bus) { b.loses = first() },
	} {
		for _, apart := range []time.Duration{0, time.Second, time.Hour} {
			t.Run(fmt.Sprint(name, " ", apart), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBus(t)
					prepare(b)
					one := b.start(remotes("node-a", "node-b"), &memory{})
					time.Sleep(apart)
					two := b.start(remotes("node-b", "node-a"), &memory{})
					for _, x := range []struct {
						n      *node
						remote string
					}{{one, "node-b"}, {two, "node-a"}} {
						for i := 0; x.n.mesh.Reach(x.remote) != Ready; i++ {
							if time.Sleep(50 * time.Millisecond); i > 40 {
								t.Fatalf("%s is not reached", x.remote)
							}
						}
						if !x.n.mesh.SpeaksBatches(x.remote) || !x.n.mesh.Announced(x.remote) {
							t.Errorf("%s would be sent version 1", x.remote)
						}
					}
				})
			})
		}
	}
}

// first drops the first announcement that each node would get from another, as a cluster does while a node is subscribing.
func first() func(to, topic string) bool {
	lost := map[string]bool{}
	return func(to, topic string) bool {
		if t := wire.Topics("").Parse(topic); t.Kind != wire.Announce || t.Client == to || lost[to] {
			return false
		}
		lost[to] = true
		return true
	}
}

// A node that never got another's announcement takes it for an existing peer and sends it version 1. The other, which has
// met it, refuses that and announces itself until it is heard: no one else would. Promise 3.
func TestANodeAddressedByVersion1AnnouncesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		deaf := true
		b.loses = func(to, topic string) bool {
			kind := wire.Topics("").Parse(topic).Kind // nor does the broker let them use topics of their own
			return kind == wire.HereOf || deaf && to == "node-a" && wire.Topics("").Parse(topic).Client == "node-b" && kind == wire.Announce
		}
		two := b.start(remotes("node-b", "node-a"), &memory{})
		one := b.start(remotes("node-a", "node-b"), &memory{})
		for range 5 {
			one.mesh.Reach("node-b")
			time.Sleep(time.Second)
		}
		if one.mesh.Reach("node-b") != Ready || one.mesh.SpeaksBatches("node-b") || !two.mesh.IsNode("node-a") {
			t.Fatal("the announcement arrived all the same")
		}
		b.mu.Lock()
		deaf = false
		published := len(b.sent)
		b.mu.Unlock()
		for range 100 {
			if two.mesh.Speaks("node-a") == nil {
				t.Error("version 1 is accepted from a node")
			}
		}
		time.Sleep(time.Second)
		if !one.mesh.SpeaksBatches("node-b") {
			t.Error("node-a keeps sending version 1")
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if more := len(b.sent) - published; more > 10 {
			t.Errorf("a hundred changes caused %d messages", more)
		}
	})
}

// An existing peer announces nothing. From two seconds on, it is sent version 1, and the broker is not asked for its
// announcement over and over.
func TestAnExistingPeerIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "peer"), &memory{})
		if r := n.mesh.Reach("peer"); r != Away {
			t.Errorf("a peer that is away: %d", r)
		}
		for range 2 { // time offline does not count
			b.beat("peer", 0)
			synctest.Wait()
			if r := n.mesh.Reach("peer"); r != Away {
				t.Errorf("a peer that may yet announce itself: %d", r)
			}
			b.publish(transport.Message{Topic: "/info", Payload: wire.Info{Sender: "peer", Message: wire.ConnectionLost}.Encode()})
			synctest.Wait()
			n.mesh.Reach("peer")
			time.Sleep(announceTime)
		}
		b.beat("peer", 0)
		synctest.Wait()
		n.mesh.Reach("peer")
		time.Sleep(announceTime)
		if r := n.mesh.Reach("peer"); r != Ready || n.mesh.SpeaksBatches("peer") {
			t.Errorf("a peer that did not announce itself: %d", r)
		}
		for range 1000 {
			time.Sleep(BeatInterval(time.Second))
			b.beat("peer", 0)
		}
		if renewed := n.count(&n.renewed); renewed > 10 { // out of a thousand occasions
			t.Errorf("its announcement was asked for %d times", renewed)
		}
		time.Sleep(time.Hour)
		if r := n.mesh.Reach("peer"); r != Away || n.logged("client offline") != 3 {
			t.Errorf("its presence ran out: %d", r)
		}
		b.beat("peer", 0)
		synctest.Wait()
		if r := n.mesh.Reach("peer"); r != Ready {
			t.Errorf("it came back: %d", r)
		}
		if r := n.mesh.Reach("stranger"); r != Away {
			t.Errorf("a stranger: %d", r)
		}
	})
}

// Existing peers refuse what is older than their start by their clocks, so heartbeats follow the
// fastest of these clocks. Nodes do not count, or they would pass the offset on to each other.
func TestBeatsFollowTheClocksOfExistingPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "peer", "node-b"), &memory{met: []Met{{Client: "node-b"}}})
		b.beat("peer", time.Hour)
		b.beat("node-b", 2*time.Hour)
		time.Sleep(10 * time.Second)
		sent := slices.DeleteFunc(b.on("/info"), func(m transport.Message) bool { return !strings.Contains(string(m.Payload), "node-a") })
		last, err := wire.ParseInfo(sent[len(sent)-1].Payload)
		if ahead := time.Until(last.Until); err != nil || ahead < time.Hour || ahead > time.Hour+10*time.Second {
			t.Errorf("the last beat is ahead by %v, %v", ahead, err)
		}
		if n.logged("claims to be online far into the future") != 2 {
			t.Error("fast clocks are not logged")
		}
	})
}

// A node publishes its presence as often as existing peers do, and at most twice a second however many clients come
// online.
func TestBeatsAreRegular(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		cfg := remotes("node-a", "peer")
		cfg.AcceptFrom = []string{"*"}
		b.start(cfg, &memory{})
		time.Sleep(time.Hour)
		// After each beat it rests for half a second.
		if got, want := len(b.on("/info")), int(time.Hour/(BeatInterval(time.Second)+500*time.Millisecond)); got < want || got > want+2 {
			t.Errorf("%d beats in an hour, want %d", got, want)
		}
		before := len(b.on("/info"))
		for i := range 1000 {
			b.beat(fmt.Sprint("stranger", i), 0)
			time.Sleep(10 * time.Millisecond)
		}
		if got := len(b.on("/info")) - before - 1000; got < 10 || got > 22 {
			t.Errorf("%d beats for 1000 clients in ten seconds", got)
		}
	})
}

// A client met as a node stays one across a restart, without an announcement, until the configuration says otherwise.
// Promise 3.
func TestAKnownNodeStaysANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		m := &memory{}
		one := b.start(remotes("node-a", "node-b"), m)
		two := b.start(remotes("node-b", "node-a"), &memory{})
		time.Sleep(3 * time.Second)
		two.leave()
		one.leave()
		b.publish(transport.Message{Topic: "/node/node-b", Retain: true})
		one = b.start(remotes("node-a", "node-b"), m)
		b.beat("node-b", 0)
		synctest.Wait()
		one.mesh.Reach("node-b")
		time.Sleep(announceTime)
		if one.mesh.Reach("node-b") != Ready || !one.mesh.SpeaksBatches("node-b") || one.mesh.Doubt("node-b") {
			t.Error("it is sent version 1, or nothing")
		}
		if err := one.mesh.Speaks("node-b"); err == nil || !strings.Contains(err.Error(), "version1Clients") {
			t.Errorf("what it sends by version 1: %v", err)
		}
		one.leave()
		cfg := remotes("node-a", "node-b")
		cfg.Version1Clients = []string{"node-b"}
		one = b.start(cfg, m)
		b.beat("node-b", 0)
		synctest.Wait()
		if one.mesh.Reach("node-b") != Ready || one.mesh.SpeaksBatches("node-b") || one.mesh.Speaks("node-b") != nil {
			t.Error("the configuration does not count")
		}
	})
}

// A retained announcement of a client that was never met is forgotten if the client does not
// answer, unless it can only be a node because it must seal.
func TestARetainedCopyIsDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		for _, name := range []string{"node-b", "node-c"} {
			two := b.start(sealed(remotes(name, "node-a")), &memory{})
			time.Sleep(time.Second)
			two.leave()
		}
		one := b.start(sealed(remotes("node-a", "node-b", "node-c"), "node-c"), &memory{})
		time.Sleep(time.Second)
		if !one.mesh.SpeaksBatches("node-b") || !one.mesh.SpeaksBatches("node-c") {
			t.Error("the copies do not count")
		}
		if !one.mesh.Doubt("node-b") || one.mesh.SpeaksBatches("node-b") || one.mesh.Doubt("node-b") {
			t.Error("the copy of a client that need not seal still counts")
		}
		if one.mesh.Doubt("node-c") || !one.mesh.SpeaksBatches("node-c") {
			t.Error("the copy of a client that must seal no longer counts")
		}
	})
}

// Known nodes are recorded once, however long the database is down.
func TestTheMemoryIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newBus(t).start(remotes("node-a", "node-b", "node-c"), &memory{})
		n.memory.mu.Lock()
		n.memory.err = errors.New("the database is away")
		n.memory.mu.Unlock()
		n.mesh.Met("node-b")
		time.Sleep(10 * time.Second)
		n.mesh.Met("node-c")
		if n.logged("could not record a client as a node") < 5 {
			t.Error("it is not tried again")
		}
		n.memory.mu.Lock()
		n.memory.err, n.memory.writes = nil, 0
		n.memory.mu.Unlock()
		for range 100 {
			time.Sleep(time.Second)
			n.mesh.Met("node-b")
		}
		n.memory.mu.Lock()
		defer n.memory.mu.Unlock()
		slices.SortFunc(n.memory.met, func(a, b Met) int { return strings.Compare(a.Client, b.Client) })
		if !slices.Equal(n.memory.met, []Met{{Client: "node-b"}, {Client: "node-c"}}) || n.memory.writes > 2 {
			t.Errorf("%v, in %d writes", n.memory.met, n.memory.writes)
		}
	})
}

// What an announcement changes for the sender follows from the previous one, and from whether it was retained.
func TestWhatAnAnnouncementChanges(t *testing.T) {
	t.Parallel()
	one, later, anew := wire.Node{Session: 1}, wire.Node{Session: 1, Definitions: 1}, wire.Node{Session: 2}
	for rule, x := range map[string]struct {
		before, now wire.Node
		live        bool
		want        Effect
	}{
		"the first":                     {wire.Node{}, one, true, Effect{Anew: true, Other: true, Up: true}},
		"the first, a copy":             {wire.Node{}, one, false, Effect{Other: true}},
		"the same: it has connected":    {one, one, true, Effect{Up: true}},
		"the same, a copy":              {one, one, false, Effect{}},
		"another definition":            {one, later, true, Effect{Other: true}},
		"another definition, a copy":    {one, later, false, Effect{Other: true}},
		"another run":                   {one, anew, true, Effect{Anew: true, Other: true, Up: true}},
		"another run, a copy":           {one, anew, false, Effect{Other: true}},
		"another run and another table": {later, anew, true, Effect{Anew: true, Other: true, Up: true}},
	} {
		if got := effectOf(x.before, x.now, x.live); got != x.want {
			t.Errorf("%s: %+v, want %+v", rule, got, x.want)
		}
	}
}

// The senders learn what they need from an announcement, and a changed definition is announced.
func TestTheSendersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		one := b.start(remotes("node-a", "node-b"), &memory{})
		two := b.start(remotes("node-b", "node-a"), &memory{})
		time.Sleep(3 * time.Second)
		if got := one.news(""); !slices.Contains(got, "heard node-b") ||
			!slices.Contains(got, "announced node-b {Anew:true Other:true Up:true}") {
			t.Errorf("%q", got)
		}
		if err := two.mesh.Redefined(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := one.news("announced"); !slices.Equal(got, []string{"announced node-b {Anew:false Other:true Up:false}"}) {
			t.Errorf("another definition: %q", got)
		}
		if one.mesh.MaxRow("node-b") != 1<<20 || !one.mesh.TakesUnasked("node-b", "orders") || one.mesh.Declines("node-b", "orders") ||
			!one.mesh.Declines("node-b", "others") {
			t.Error("what it accepts is unknown")
		}
		two.leave()
		synctest.Wait()
		if one.mesh.Online("node-b") || one.mesh.TakesUnasked("node-b", "orders") || one.mesh.Reach("node-b") != Away {
			t.Error("it is online after it left")
		}
	})
}

// Unreadable messages are refused, with few log lines, and change nothing. Promise 9.
func TestRubbishIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "node-b"), &memory{})
		for i := range 100 {
			b.publish(transport.Message{Topic: "/info", Payload: fmt.Appendf(nil, "{%d", i)})
			b.publish(transport.Message{Topic: "/node/node-b", Payload: fmt.Appendf(nil, "{%d", i)})
			b.publish(transport.Message{Topic: fmt.Sprint("/node/stranger", i), Payload: wire.Node{Client: fmt.Sprint("stranger", i), Protocol: 2}.Encode()})
		}
		synctest.Wait()
		if n.logged("message refused") != brokenLines || n.logged("announcement refused") != brokenLines {
			t.Errorf("%d and %d lines", n.logged("message refused"), n.logged("announcement refused"))
		}
		if n.mesh.SpeaksBatches("node-b") || n.mesh.SpeaksBatches("stranger1") || len(n.mesh.Clients()) != 0 {
			t.Error("part of it counts")
		}
	})
}

// FuzzHear handles arbitrary messages: each is refused or counts, and nothing panics.
func FuzzHear(f *testing.F) {
	f.Add([]byte(`{"message":"connected"}`), "node-b", true)
	f.Add(wire.Node{Client: "node-b", Protocol: 2, Session: 1, ReceiveTables: []string{"orders"}}.Encode(), "node-b", false)
	f.Add([]byte{}, "node-a", false)
	f.Fuzz(func(t *testing.T, payload []byte, client string, retained bool) {
		n := newBus(t).add(sealed(remotes("node-a", "node-b"), "node-b"), &memory{})
		n.mesh.HearInfo(payload)
		n.mesh.HearNode(client, payload, retained)
		if n.mesh.IsNode("node-b") || n.mesh.KeyOf("node-b") != "" || n.mesh.Reach("node-b") == Ready {
			t.Error("it counts without the key")
		}
	})
}

// However long a remote's announcement is missing, it is requested while the remote is online: nothing else brings it.
func TestAMissingAnnouncementIsRequestedRepeatedly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		b.loses = func(to, topic string) bool { return to == "node-a" && topic == "/node/node-b" }
		one := b.start(sealed(remotes("node-a", "node-b"), "node-b"), &memory{})
		b.start(sealed(remotes("node-b", "node-a"), "node-a"), &memory{})
		time.Sleep(time.Minute)
		if one.mesh.Reach("node-b") == Ready {
			t.Error("it is reached without its announcement")
		}
		b.mu.Lock()
		b.loses = nil
		b.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if one.mesh.Reach("node-b") != Ready {
			t.Error("it is not reached")
		}
	})
}

// After a lost connection the retained announcement counts, although the client was heard before:
// it may have restarted meanwhile and accept other tables.
func TestMissedAnnouncementsComeFromTheBroker(t *testing.T) {
	for name, seals := range map[string]bool{"in the clear": false, "sealed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBus(t)
				first, second, third := remotes("node-a", "node-b"), remotes("node-b", "node-a"), remotes("node-b", "node-a")
				first.SyncTables = []string{"orders", "others"}
				third.ReceiveTables = first.SyncTables
				if seals {
					first, second, third = sealed(first, "*"), sealed(second, "*"), sealed(third, "*")
				}
				one := b.start(first, &memory{})
				two := b.start(second, &memory{})
				time.Sleep(3 * time.Second)
				if !one.mesh.Declines("node-b", "others") {
					t.Error("the table is accepted before")
				}
				one.disconnect()
				two.leave()
				two = b.start(third, &memory{})
				time.Sleep(time.Minute)
				one.connect()
				time.Sleep(3 * time.Second)
				if one.mesh.Declines("node-b", "others") || one.mesh.Reach("node-b") != Ready {
					t.Error("what it accepts now is unknown")
				}
				if plain, ok := two.mesh.Unseal(between("node-a"), seal1(t, one, "node-b")); !ok || string(plain) != "rows" {
					t.Error("messages are sealed for its last run")
				}
			})
		})
	}
}
