package mesh

import (
	"testing"
	"time"
)

func TestTheBrokersCopyOfTheOwnAnnouncement(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	pass := func(d time.Duration) { at = at.Add(d) }
	o := newOwn()
	o.connected(at)
	if !o.published([]byte("one"), at) || o.isKept() {
		t.Error("the first announcement is not to be retained, or counts as retained")
	}
	o.asks(at)
	if o.next(at) != ownEvery || o.judge(at.Add(time.Hour)) != (action{}) {
		t.Error("the broker's time starts before it has accepted the question")
	}
	o.takes(at)
	if d := o.next(at); d != ownTime {
		t.Errorf("the broker has %s", d)
	}
	if ours, tell := o.came([]byte("before"), true, at); ours || tell || o.isKept() {
		t.Error("an earlier run's announcement counts as a vandal's, or as ours")
	}
	if ours, _ := o.came([]byte("one"), true, at); !ours || !o.isKept() || o.next(at) != ownEvery {
		t.Error("the retained copy does not count")
	}
	o.asks(at)
	o.came([]byte("one"), true, at)
	if o.takes(at); o.next(at) != ownEvery || o.judge(at.Add(time.Hour)) != (action{ask: true}) {
		t.Error("an answer that arrives before the question was accepted does not count")
	}
	// On a slow machine, whatever the clock says, a copy is not missing before a later message has arrived.
	o.asks(at)
	o.takes(at)
	for i := range proofsMost {
		if pass(ownTime << i); o.judge(at) != (action{prove: true}) {
			t.Errorf("proof %d is not asked for", i)
		}
		o.proves([]byte{byte(i)})
		o.beatCame([]byte("before")) // one that was in flight
		if o.judge(at) != (action{}) || o.unkept() != "" {
			t.Errorf("after proof %d time alone decides", i)
		}
	}
	if pass(24 * time.Hour); o.next(at) != 0 || o.judge(at) != (action{}) || o.judge(at) != (action{ask: true}) || o.unkept() != "" {
		t.Error("there is no end of proofs")
	}
	if o.came([]byte("one"), true, at); !o.isKept() || o.next(at) != ownEvery {
		t.Error("the retained copy does not count that late")
	}
	if o.beatCame([]byte{0}); o.judge(at) != (action{ask: true}) {
		t.Error("a proof that arrives after the copy makes it missing")
	}
	if ours, tell := o.came(nil, false, at); ours || !tell || o.isKept() {
		t.Error("its removal is not reported")
	}
	if _, tell := o.came([]byte("another"), false, at); tell {
		t.Error("it is reported each time")
	}
	for _, want := range []action{{publish: true}, {publish: true, tell: true}, {}} {
		o.asks(at)
		o.takes(at)
		if k := o.judge(at); k != (action{}) {
			t.Errorf("before its time: %+v", k)
		}
		if pass(ownTime); o.next(at) != 0 || o.judge(at) != (action{prove: true}) {
			t.Error("no proof is asked for")
		}
		o.proves([]byte("proof"))
		if o.beatCame([]byte("proof")); o.next(at) != 0 {
			t.Error("the proof changes nothing")
		}
		if k := o.judge(at); k != want {
			t.Errorf("missing: %+v, want %+v", k, want)
		}
	}
	if o.unkept() == "" || o.next(at) != ownSeldom || o.judge(at) != (action{publish: true}) {
		t.Error("a broker that retains nothing is not reported, or nodes that missed the announcement get no other")
	}
	o.asks(at)
	o.came([]byte("one"), true, at)
	if o.unkept() != "" || o.judge(at) != (action{ask: true}) {
		t.Error("it does not notice that the broker now retains it")
	}
	for i := 1; i < 6; i++ { // an ACL forbids asking
		o.cannotAsk()
		if want := min(ownTime<<(i-1), ownEvery); o.next(at) != want {
			t.Errorf("denied %d times: got %s, want %s", i, o.next(at), want)
		}
	}
	// If retained announcements end the connection, it publishes without retain and tries again later; if an unretained one
	// ends the connection too, retain is not the cause.
	for i, want := range []bool{true, true, false} {
		o.connected(at)
		if got := o.published([]byte("one"), at); got != want {
			t.Errorf("connection %d: retain is %t", i, got)
		}
		if want {
			o.ended()
		}
	}
	pass(ownEvery)
	o.connected(at)
	if !o.published([]byte("one"), at) {
		t.Error("it is not tried again")
	}
	o.ended()
	o.connected(at)
	if o.published([]byte("one"), at) {
		t.Error("one more end is not enough")
	}
	o.ended()
	o.connected(at)
	if !o.published([]byte("one"), at) {
		t.Error("an end with another cause is blamed on the copy")
	}
}
