package mesh

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Whether /info is needed is safe to be wrong in one direction only: an existing peer would wait there for ever.
func TestInfoIsNeededUnlessAllAreKnownToDoWithoutIt(t *testing.T) {
	t.Parallel()
	for rule, x := range map[string]struct {
		anyone   bool
		version1 []string
		know     func(*peers)
		want     bool
	}{
		"never met":                                          {know: func(*peers) {}, want: true},
		"it announced so":                                    {know: func(p *peers) { p.meet("b"); p.tells("b", true, true) }, want: false},
		"it announced so before it was met":                  {know: func(p *peers) { p.tells("b", true, true); p.meet("b") }, want: false},
		"only the broker's copy says so":                     {know: func(p *peers) { p.tells("b", true, false) }, want: true},
		"the copy of one that was met":                       {know: func(p *peers) { p.meet("b"); p.tells("b", true, false) }, want: false},
		"remembered":                                         {know: func(p *peers) { p.recall([]Met{{"b", true}}) }, want: false},
		"remembered as an older node":                        {know: func(p *peers) { p.recall([]Met{{"b", false}}) }, want: true},
		"it was upgraded":                                    {know: func(p *peers) { p.recall([]Met{{"b", false}}); p.tells("b", true, true) }, want: false},
		"it went back to an older version":                   {know: func(p *peers) { p.recall([]Met{{"b", true}}); p.tells("b", false, true) }, want: true},
		"an old copy comes late":                             {know: func(p *peers) { p.meet("b"); p.tells("b", true, true); p.tells("b", false, false) }, want: false},
		"a copy after a lost connection":                     {know: func(p *peers) { p.meet("b"); p.tells("b", true, true); p.unheard(); p.tells("b", false, false) }, want: true},
		"it withdrew its announcement":                       {know: func(p *peers) { p.meet("b"); p.tells("b", true, true); p.forget("b") }, want: false},
		"the configuration says that it is an existing peer": {version1: []string{"b"}, know: func(p *peers) { p.meet("b"); p.tells("b", true, true) }, want: true},
		"anyone may come":                                    {anyone: true, know: func(p *peers) { p.meet("b"); p.tells("b", true, true) }, want: true},
	} {
		p := newPeers(x.version1, []string{"b"}, nil)
		if x.know(p); needsInfo(x.anyone, []string{"b"}, p.speaksHere) != x.want {
			t.Errorf("%s: /info is needed: %v, want %v", rule, !x.want, x.want)
		}
	}
	if needsInfo(false, nil, nil) {
		t.Error("a node without others needs /info")
	}
	if p := newPeers(nil, []string{"b"}, nil); p.tells("stranger", true, true) || len(p.here) > 0 {
		t.Error("what strangers announce is remembered")
	}
}

// One connection has one will. Some brokers refuse or cut a login because of it.
func TestWhereTheWillGoes(t *testing.T) {
	t.Parallel()
	for rule, x := range map[string]struct {
		info, keepsNothing bool
		last               error
		want               testament
	}{
		"an existing peer may be there":                    {info: true, want: toInfo},
		"nobody needs /info":                               {want: toHere},
		"the broker keeps nothing":                         {keepsNothing: true, want: toHear},
		"the broker was away":                              {last: transport.ErrOffline, want: toHere},
		"the broker cut the login":                         {last: fmt.Errorf("connect: %w", transport.ErrCut), want: toHear},
		"the broker refused the login":                     {last: fmt.Errorf("connect: %w", transport.ErrRefused), want: toInfo},
		"a refused subscription has nothing to do with it": {last: transport.ErrDenied, want: toHere},
	} {
		if errors.Is(x.last, transport.ErrDenied) && errors.Is(x.last, transport.ErrRefused) {
			t.Fatal("the two are one")
		}
		if got := willOf(x.info, x.keepsNothing, x.last); got != x.want {
			t.Errorf("%s: %d, want %d", rule, got, x.want)
		}
	}
}

// Messages of earlier connections come late, and copies at any time.
func TestWhatAMessageOnItsOwnTopicSays(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	here := func(session, link uint64) wire.Here { return wire.Here{Session: session, Link: link} }
	gone := func(session, link uint64) wire.Here { return wire.Here{Session: session, Link: link, Gone: true} }
	type message struct {
		wire.Here
		copied bool
	}
	live, copied := func(h wire.Here) message { return message{h, false} }, func(h wire.Here) message { return message{h, true} }
	for rule, x := range map[string]struct {
		said []message
		want time.Duration // of the lease
	}{
		"it is there":                             {[]message{live(here(1, 1))}, HereLease},
		"the broker says that it is there":        {[]message{copied(here(1, 1))}, hereKept},
		"it left":                                 {[]message{live(here(1, 1)), live(gone(1, 1))}, 0},
		"it left, as the broker says":             {[]message{copied(gone(1, 1))}, 0},
		"the will of an earlier connection":       {[]message{live(here(1, 2)), live(gone(1, 1))}, HereLease},
		"the will of an earlier run":              {[]message{live(here(2, 1)), live(gone(1, 9))}, HereLease},
		"it left before we heard of its next run": {[]message{copied(here(1, 1)), live(gone(2, 1))}, 0},
		"a beat of an earlier connection, late":   {[]message{live(gone(1, 2)), live(here(1, 1))}, 0},
		"a late copy does not undo what it said":  {[]message{live(here(1, 2)), copied(gone(1, 2))}, HereLease},
		"nor does one bring it back":              {[]message{live(here(1, 1)), live(gone(1, 1)), copied(here(1, 1))}, 0},
		"it came back":                            {[]message{live(gone(1, 1)), live(here(1, 2))}, HereLease},
		"it came back as another run":             {[]message{live(gone(1, 5)), live(here(2, 1))}, HereLease},
		"two of its name":                         {[]message{live(here(1, 1)), live(here(2, 1)), live(here(1, 1)), live(gone(2, 1))}, HereLease},
	} {
		var s topic
		for _, m := range x.said {
			s, _ = s.hears(m.Here, m.copied, now)
		}
		if got := max(0, s.until.Sub(now)); s.until.IsZero() || got != x.want || !s.heard {
			t.Errorf("%s: %v, want %v", rule, got, x.want)
		}
	}
}

// settle lets nodes meet.
func settle() { time.Sleep(20 * time.Second) }

// Two nodes of this project do without /info as soon as they have met, and in their next run from its first moment on.
func TestNodesThatHaveMetDoWithoutInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, one, two := newBus(t), &memory{}, &memory{}
		for run := range 2 {
			x, y := b.start(remotes("node-a", "node-b"), one), b.start(remotes("node-b", "node-a"), two)
			if run == 0 {
				settle()
			}
			infos, heres := len(b.on("/info")), len(b.on("/here/node-a"))
			time.Sleep(10 * time.Minute)
			if got := len(b.on("/info")) - infos; got > 0 || x.mesh.Reach("node-b") != Ready || y.mesh.Reach("node-a") != Ready {
				t.Errorf("run %d: %d messages on /info, %d, %d", run, got, x.mesh.Reach("node-b"), y.mesh.Reach("node-a"))
			}
			if got := len(b.on("/here/node-a")) - heres; got < 18 || got > 23 {
				t.Errorf("run %d: %d messages on its own topic in ten minutes", run, got)
			}
			if run == 1 && (x.hearsInfo() || x.testament().Topic != "/here/node-a" || !x.testament().Retain) {
				t.Errorf("it hears /info, or its will goes to %s", x.testament().Topic)
			}
			y.leave() // killed: the broker publishes its will
			synctest.Wait()
			if x.mesh.Online("node-b") {
				t.Errorf("run %d: the will was not heard", run)
			}
			x.leave()
		}
	})
}

// A hub whose sites are nodes but for one existing peer speaks to that over /info as ever, with its will there. The sites hear the
// will too.
func TestAnExistingPeerKeepsInfoForItsRemotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		hub := b.start(remotes("hub", "site", "peer"), &memory{})
		site := b.start(remotes("site", "hub"), &memory{})
		settle()
		before := len(b.on("/info"))
		time.Sleep(time.Minute)
		if n := len(b.on("/info")) - before; n < 15 || n > 20 {
			t.Errorf("%d messages on /info in a minute", n)
		}
		for _, m := range b.on("/info")[before:] {
			if i, err := wire.ParseInfo(m.Payload); err != nil || i.Sender != "hub" || i.Message != wire.Connected {
				t.Errorf("%s, %v", m.Payload, err)
			}
		}
		b.beat("peer", 0)
		synctest.Wait()
		if !hub.mesh.Online("peer") {
			t.Error("the peer is not heard")
		}
		if w := hub.testament(); w.Topic != "/info" || w.Retain {
			t.Errorf("its will goes to %s", w.Topic)
		}
		hub.leave()
		synctest.Wait()
		if site.mesh.Online("hub") {
			t.Error("the site did not hear the will")
		}
		site.leave()
		if list := hub.mesh.Farewell(); len(list) == 0 || list[len(list)-1].Topic != "/info" {
			t.Errorf("its farewell: %v", list)
		}
	})
}

// An older node announces nothing about a topic of its own. It is upgraded, and goes back.
func TestAnOlderNodeIsSpokenToOverInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "old"), &memory{met: []Met{{"old", true}}})
		uses := func() bool {
			before := len(b.on("/info"))
			time.Sleep(20 * time.Second)
			return len(b.on("/info"))-before >= 4 && n.hearsInfo()
		}
		if uses() {
			t.Error("it does not trust its memory")
		}
		for _, here := range []bool{false, true, false} {
			a := wire.Node{Client: "old", Protocol: wire.Protocol, Session: 1, ReceiveTables: []string{}, Here: here}
			b.publish(transport.Message{Topic: "/node/old", Payload: a.Encode(), Retain: true})
			synctest.Wait()
			if uses() == here {
				t.Errorf("here %v: /info is used: %v", here, here)
			}
			if n.memory.mu.Lock(); len(n.memory.met) != 1 || n.memory.met[0].Here != here {
				t.Errorf("it remembers %v", n.memory.met)
			}
			n.memory.mu.Unlock()
		}
	})
}

// A cluster of NATS keeps a group of servers for each subscription at QoS 1: between nodes that have met there is one, that to batches.
// Where an existing peer may be, what it sends is subscribed to at QoS 1 too.
func TestFewSubscriptionsAreAtQoS1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		batches, all := []string{"/batch/site/+"}, []string{"/batch/site/+", "/change/site", "/info", "/info/site"}
		site := b.start(remotes("site", "hub"), &memory{})
		check := func(when string, want []string) {
			t.Helper()
			if got := site.surely(); !slices.Equal(got, want) {
				t.Errorf("%s: at QoS 1 are %q", when, got)
			}
			for _, topic := range []string{"/batch/site/hub", "/ack/site/hub", "/verify/site/hub", "/info/site", "/change/site", "/node/hub", "/node/site", "/here/hub", "/here/site"} {
				if !site.hears(topic) {
					t.Errorf("%s: it does not hear %s", when, topic)
				}
			}
		}
		check("a hub that was never met", all)
		hub := b.start(remotes("hub", "site"), &memory{})
		settle()
		check("they have met", batches)
		site.disconnect()
		site.connect()
		check("another connection", batches)
		hub.leave()
		settle()
		check("the hub is away", batches)
		if !site.hearsInfo() {
			t.Error("nobody listens for one who takes its name")
		}
		for range 10 {
			b.beat("hub", 0)
			time.Sleep(3 * time.Second)
		}
		check("an existing peer in its name", all)
		b.start(remotes("hub", "site"), hub.memory)
		settle()
		check("the hub is back", batches)
		if site.hearsInfo() {
			t.Error("it still hears /info")
		}
	})
}

// An existing peer takes the name of a node that is away. It is told on /info that we are there, and seen; the node is so again once it
// is back.
func TestAnExistingPeerTakesTheNameOfANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "node-b"), &memory{met: []Met{{"node-b", true}}})
		settle()
		for round := range 2 {
			before := len(b.on("/info"))
			time.Sleep(time.Minute)
			if got := len(b.on("/info")) - before; got > 0 {
				t.Errorf("%d messages on /info while nobody is there", got)
			}
			for range 20 {
				b.beat("node-b", 0)
				time.Sleep(3 * time.Second)
			}
			if got := len(b.on("/info")) - before - 20; got < 10 || !n.mesh.Online("node-b") || !n.mesh.SpeaksBatches("node-b") {
				t.Errorf("round %d: %d messages for the peer; online: %v", round, got, n.mesh.Online("node-b"))
			}
			y := b.start(remotes("node-b", "node-a"), &memory{met: []Met{{"node-a", true}}})
			settle()
			before = len(b.on("/info"))
			time.Sleep(time.Minute)
			if got := len(b.on("/info")) - before; got > 0 || n.hearsInfo() || n.mesh.Reach("node-b") != Ready {
				t.Errorf("round %d: %d messages on /info once the node is back, which is heard: %v", round, got, n.hearsInfo())
			}
			y.leave()
			settle()
		}
	})
}

// Where any client may publish anything, one can speak in another's name, as a later connection of its run. The node goes on as another
// session: only as long as that is kept up, others are misled.
func TestForgedPresenceIsOvercome(t *testing.T) {
	for _, forged := range []wire.Here{{Gone: true}, {Until: time.UnixMilli(1)}} {
		for name, x := range map[string]struct {
			link   uint64
			retain bool
			away   bool // the node has no connection meanwhile
		}{
			"this connection":            {link: 1},
			"the next":                   {link: 2},
			"the last that there can be": {link: math.MaxUint64},
			"kept by the broker":         {link: math.MaxUint64, retain: true},
			"while it is away":           {link: math.MaxUint64, retain: true, away: true},
		} {
			t.Run(fmt.Sprint(name, ", gone: ", forged.Gone), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBus(t)
					x, forged := x, forged
					n := b.start(remotes("node-a", "node-b"), &memory{met: []Met{{"node-b", true}}})
					other := b.start(remotes("node-b", "node-a"), &memory{met: []Met{{"node-a", true}}})
					settle()
					h, err := wire.ParseHere(b.copy("/here/node-a"))
					if err != nil {
						t.Fatal(err)
					}
					forged.Session, forged.Link = h.Session, x.link
					if x.away {
						n.disconnect()
					}
					b.publish(transport.Message{Topic: "/here/node-a", Payload: forged.Encode(), Retain: x.retain})
					if x.away {
						n.connect()
					}
					for range 5 {
						time.Sleep(time.Minute)
						newcomer := b.start(remotes("node-c", "node-a"), &memory{met: []Met{{"node-a", true}}})
						time.Sleep(time.Second)
						if !other.mesh.Online("node-a") || !newcomer.mesh.Online("node-a") {
							t.Fatalf("it is online for the other: %v, for a newcomer: %v", other.mesh.Online("node-a"), newcomer.mesh.Online("node-a"))
						}
						newcomer.leave()
					}
				})
			})
		}
	}
}

// What a node says when it stops may come back before it has gone.
func TestANodesFarewellIsNotForged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "node-b"), &memory{met: []Met{{"node-b", true}}})
		settle()
		for _, m := range n.mesh.Farewell() {
			b.publish(m)
		}
		synctest.Wait()
		if n.logged("message refused") > 0 {
			t.Error("it takes its own message for a forged one")
		}
	})
}

// An ACL made before nodes had topics of their own hides what they say there. They go on over /info, say so once, and return as soon
// as it is mended.
func TestAnACLWithoutTheTopicsIsWorkedAround(t *testing.T) {
	for name, deny := range map[string]func(b *bus, n *node){
		"writing": func(_ *bus, n *node) { n.denies = "/here/node-a" },
		"reading": func(b *bus, _ *node) {
			b.loses = func(to, topic string) bool { return to == "node-a" && topic == "/here/node-b" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBus(t)
				cfg := remotes("node-a", "node-b")
				one := b.add(cfg, &memory{met: []Met{{"node-b", true}}})
				deny(b, one)
				b.run(one)
				two := b.start(remotes("node-b", "node-a"), &memory{met: []Met{{"node-a", true}}})
				time.Sleep(time.Minute)
				for range 20 { // what they do when they have rows
					one.mesh.Met("node-b")
					time.Sleep(10 * time.Second)
				}
				if one.mesh.Reach("node-b") != Ready || two.mesh.Reach("node-a") != Ready || !one.mesh.SpeaksBatches("node-b") {
					t.Fatalf("they do not reach each other: %d, %d", one.mesh.Reach("node-b"), two.mesh.Reach("node-a"))
				}
				if n := one.logged("an ACL denies"); n != 1 {
					t.Errorf("it is logged %d times", n)
				}
				two.leave()
				time.Sleep(10 * time.Second) // its will may be where it is not heard
				if one.mesh.Online("node-b") {
					t.Error("that the other leaves is not heard")
				}
				b.mu.Lock()
				one.denies, b.loses = "", nil
				b.mu.Unlock()
				two = b.start(remotes("node-b", "node-a"), two.memory)
				time.Sleep(11 * time.Minute)
				before := len(b.on("/info"))
				time.Sleep(time.Minute)
				if n := len(b.on("/info")) - before; n > 0 || one.mesh.Reach("node-b") != Ready || two.mesh.Reach("node-a") != Ready {
					t.Errorf("once it is mended: %d messages on /info, %d, %d", n, one.mesh.Reach("node-b"), two.mesh.Reach("node-a"))
				}
			})
		})
	}
}

// A broker that ends a connection may publish its will after the next one's presence, and keep it for latecomers.
func TestALateWillIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		n := b.start(remotes("node-a", "node-b"), &memory{met: []Met{{"node-b", true}}})
		other := b.start(remotes("node-b", "node-a"), &memory{met: []Met{{"node-a", true}}})
		settle()
		for range 5 {
			late := n.testament()
			n.disconnect()
			n.connect()
			synctest.Wait()
			b.publish(late)
			synctest.Wait()
			if !other.mesh.Online("node-a") {
				t.Error("the will of an earlier connection counts")
			}
			time.Sleep(time.Minute)
			if h, err := wire.ParseHere(b.copy("/here/node-a")); err != nil || h.Gone {
				t.Errorf("the broker keeps %+v, %v", h, err)
			}
		}
		if before := len(b.on("/here/node-a")); true {
			for range 600 { // anyone may feign it
				b.publish(n.testament())
				time.Sleep(time.Second)
			}
			if got := len(b.on("/here/node-a")) - before - 600; got > 45 {
				t.Errorf("600 wills cause %d messages", got)
			}
		}
	})
}

// What a node is sent grows with its remotes, not with the sites: at rest, and when the broker comes back without anything.
func TestPresenceGrowsWithRemotes(t *testing.T) {
	const sites = 30
	for keeps, most := range map[bool]int{true: 80, false: 120} { // where nothing is kept, all announce themselves each minute
		t.Run(fmt.Sprint("the broker keeps messages: ", keeps), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBus(t)
				b.forgets = !keeps
				var names []string
				for i := range sites {
					names = append(names, fmt.Sprintf("site-%02d", i))
				}
				hub := b.start(remotes("hub", names...), &memory{})
				all := []*node{hub}
				for _, name := range names {
					all = append(all, b.start(remotes(name, "hub"), &memory{}))
				}
				time.Sleep(time.Minute)
				restart := func() {
					for _, n := range all {
						n.disconnect()
					}
					b.mu.Lock()
					clear(b.retained)
					b.mu.Unlock()
					for _, n := range all {
						n.connect()
					}
				}
				restart() // the first connections were made when nobody had met
				settle()
				for what, x := range map[string]struct {
					do                func()
					eachSite, perSite int
				}{
					"ten minutes at rest": {func() { time.Sleep(10 * time.Minute) }, most, most / 2},
					"a restart":           {func() { restart(); time.Sleep(15 * time.Second) }, 45, 12},
				} {
					for _, n := range all {
						n.presence()
					}
					x.do()
					if got, by := hub.presence(); got > x.perSite*sites+100 {
						t.Errorf("%s: the hub is sent %d messages: %v", what, got, by)
					}
					for _, n := range all[1:] {
						if got, by := n.presence(); got > x.eachSite {
							t.Errorf("%s: %s is sent %d messages: %v", what, n.name(), got, by)
						}
						if n.mesh.Reach("hub") != Ready || hub.mesh.Reach(n.name()) != Ready {
							t.Errorf("%s: %s and the hub do not reach each other", what, n.name())
						}
					}
				}
				if n := slices.DeleteFunc(b.on("/info"), func(m transport.Message) bool { return !strings.Contains(string(m.Payload), "site-") }); len(n) > 4*sites {
					t.Errorf("the sites published %d messages on /info", len(n))
				}
			})
		})
	}
}

// What the broker keeps of a node does not tell a newcomer who has that name now: it waits on /info, which all read, for the node itself.
func TestANewcomerHearsANodeItselfSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		b.start(remotes("hub", "site-1", "site-2"), &memory{})
		time.Sleep(2 * hereSoon) // its second message
		for _, name := range []string{"site-1", "site-2"} {
			site := b.start(remotes(name, "hub"), &memory{})
			time.Sleep(hereSoon + time.Second)
			if site.mesh.usesInfo() {
				t.Errorf("%s still tells its presence on /info", name)
			}
		}
	})
}

// A node that stops before its first message has come back takes that back: the broker may have retained it.
func TestAStopDuringTheFirstMessageIsToldOnItsTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		x := b.start(remotes("node-a", "node-b"), &memory{})
		settle()
		v := x.mesh.voice
		v.connects(speaksInfo, true)
		v.speaks([]byte("first"), time.Now())
		said := func() bool {
			return slices.ContainsFunc(x.mesh.Farewell(), func(m transport.Message) bool { return m.Topic == "/here/node-a" && m.Retain })
		}
		if !said() {
			t.Error("what it said stays retained")
		}
		v.fails()
		if said() {
			t.Error("it speaks on a topic that does not work")
		}
	})
}
