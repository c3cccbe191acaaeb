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

// Nodes meet whatever the broker does to their announcements, and before they have, neither sends the other anything: it would
// go by version 1. Promise 3.
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

// first loses the first announcement of another node that each would get, as a cluster does at a node that subscribes meanwhile.
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

// A node that never got another's announcement takes it for an existing peer, and sends it version 1. The other, which has met it,
// refuses that, and announces itself until it is heard: nobody else would tell. Promise 3.
func TestANodeThatIsSpokenToWronglySaysWhatItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		deaf := true
		b.loses = func(to, topic string) bool {
			return deaf && to == "node-a" && wire.Topics("").Parse(topic).Client == "node-b" && wire.Topics("").Parse(topic).Kind == wire.Announce
		}
		two := b.start(remotes("node-b", "node-a"), &memory{})
		one := b.start(remotes("node-a", "node-b"), &memory{})
		for range 5 {
			one.mesh.Reach("node-b")
			time.Sleep(time.Second)
		}
		if one.mesh.Reach("node-b") != Ready || one.mesh.SpeaksBatches("node-b") || !two.mesh.IsNode("node-a") {
			t.Fatal("the announcement has come all the same")
		}
		b.mu.Lock()
		deaf = false
		published := len(b.sent)
		b.mu.Unlock()
		for range 100 {
			if two.mesh.Speaks("node-a") == nil {
				t.Error("version 1 is taken from a node")
			}
		}
		time.Sleep(time.Second)
		if !one.mesh.SpeaksBatches("node-b") {
			t.Error("node-a goes on with version 1")
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if more := len(b.sent) - published; more > 10 {
			t.Errorf("a hundred changes made %d messages", more)
		}
	})
}

// An existing peer announces nothing. It is spoken to after two seconds, once and for all, and the broker is not asked for its
// announcement all the time.
func TestAnExistingPeerIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "peer"), &memory{})
		if r := n.mesh.Reach("peer"); r != Away {
			t.Errorf("a peer that is away: %d", r)
		}
		for range 2 { // the time while it is away does not count
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
		if renewed := n.count(&n.renewed); renewed > 10 { // of a thousand times that there was occasion to
			t.Errorf("its announcement was asked for %d times", renewed)
		}
		time.Sleep(time.Hour)
		if r := n.mesh.Reach("peer"); r != Away || n.logged("client offline") != 3 {
			t.Errorf("its presence ran out: %d", r)
		}
		b.beat("peer", 0)
		synctest.Wait()
		if r := n.mesh.Reach("peer"); r != Ready {
			t.Errorf("it came again: %d", r)
		}
		if r := n.mesh.Reach("stranger"); r != Away {
			t.Errorf("a stranger: %d", r)
		}
	})
}

// Existing peers refuse what is older than their start by their clocks, so beats go by the farthest of them. Nodes do not count,
// or they would carry it to each other.
func TestBeatsGoByTheClocksOfExistingPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "peer", "node-b"), &memory{met: []string{"node-b"}})
		b.beat("peer", time.Hour)
		b.beat("node-b", 2*time.Hour)
		time.Sleep(10 * time.Second)
		sent := slices.DeleteFunc(b.on("/info"), func(m transport.Message) bool { return !strings.Contains(string(m.Payload), "node-a") })
		last, err := wire.ParseInfo(sent[len(sent)-1].Payload)
		if ahead := time.Until(last.Until); err != nil || ahead < time.Hour || ahead > time.Hour+10*time.Second {
			t.Errorf("the last beat is ahead by %v, %v", ahead, err)
		}
		if n.logged("claims to be online far into the future") != 2 {
			t.Error("clocks that are ahead are not logged")
		}
	})
}

// A node says that it is there as often as existing peers do, and at most twice a second, however many clients come.
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

// Who was met as a node stays one over a restart, without an announcement, until the configuration says otherwise. Promise 3.
func TestAMetNodeStaysANode(t *testing.T) {
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
			t.Error("it is spoken to by version 1, or not at all")
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

// A copy that the broker retained, of a client that was never met, is forgotten when the client does not answer; but not of one
// that can only be a node, since it must seal.
func TestACopyIsDoubted(t *testing.T) {
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
			t.Error("the copy of a client that need not seal counts on")
		}
		if one.mesh.Doubt("node-c") || !one.mesh.SpeaksBatches("node-c") {
			t.Error("the copy of a client that must seal does not count any more")
		}
	})
}

// Who was met is written down once, however long the database is away.
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
		if slices.Sort(n.memory.met); !slices.Equal(n.memory.met, []string{"node-b", "node-c"}) || n.memory.writes > 2 {
			t.Errorf("%v, in %d writes", n.memory.met, n.memory.writes)
		}
	})
}

// What an announcement changes for the sender follows from the one before, and from whether the broker had it.
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

// The senders are told what they have to know of an announcement, and a definition that changes is announced.
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
			t.Error("what it takes is not known")
		}
		two.leave()
		synctest.Wait()
		if one.mesh.Online("node-b") || one.mesh.TakesUnasked("node-b", "orders") || one.mesh.Reach("node-b") != Away {
			t.Error("it is there after it has left")
		}
	})
}

// What cannot be read is refused, with few lines, and changes nothing. Promise 9.
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
			t.Error("something of it counts")
		}
	})
}

// FuzzHear has anybody send anything: it is refused or counts, and nothing panics.
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

// However long a remote's announcement does not come, it is asked for while the remote is there: nothing else brings it.
func TestAnAnnouncementIsAskedForAgainAndAgain(t *testing.T) {
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

// What the broker retained counts after a connection was lost, though the client was heard before: it may have started anew
// meanwhile, and take other tables.
func TestWhatWasMissedIsHeardFromTheBroker(t *testing.T) {
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
					t.Error("the table is taken before")
				}
				one.disconnect()
				two.leave()
				two = b.start(third, &memory{})
				time.Sleep(time.Minute)
				one.connect()
				time.Sleep(3 * time.Second)
				if one.mesh.Declines("node-b", "others") || one.mesh.Reach("node-b") != Ready {
					t.Error("what it takes now is not known")
				}
				if plain, ok := two.mesh.Unseal(between("node-a"), seal1(t, one, "node-b")); !ok || string(plain) != "rows" {
					t.Error("messages are sealed for its last run")
				}
			})
		})
	}
}
