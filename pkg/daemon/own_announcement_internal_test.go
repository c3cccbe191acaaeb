package daemon

import (
	"testing"
	"time"
)

func TestWhatTheBrokerKeepsOfTheOwnAnnouncement(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	pass := func(d time.Duration) { at = at.Add(d) }
	o := newOwnAnnouncement()
	o.connected(at)
	if !o.published([]byte("one"), at) || o.isKept() {
		t.Error("the first announcement is not to be kept, or counts as kept")
	}
	o.asks(at)
	if d := o.next(at); d != ownTime {
		t.Errorf("the broker has %s", d)
	}
	if ours, tell := o.came([]byte("before"), true, at); ours || tell || o.isKept() {
		t.Error("what an earlier run announced is taken for a vandal's, or for ours")
	}
	if ours, _ := o.came([]byte("one"), true, at); !ours || !o.isKept() || o.next(at) != ownEvery {
		t.Error("the kept copy does not count")
	}
	if ours, tell := o.came(nil, false, at); ours || !tell || o.isKept() {
		t.Error("that it was taken away is not told")
	}
	if _, tell := o.came([]byte("another"), false, at); tell {
		t.Error("it is told for each time")
	}
	for _, want := range []keeping{{publish: true}, {publish: true, tell: true}, {}} {
		o.asks(at)
		if k := o.judge(at); k != (keeping{}) {
			t.Errorf("before its time: %+v", k)
		}
		pass(ownTime)
		if k := o.judge(at); k != want {
			t.Errorf("missing: %+v, not %+v", k, want)
		}
	}
	if o.unkept() == "" || o.next(at) != ownSeldom || o.judge(at) != (keeping{publish: true}) {
		t.Error("a broker that keeps nothing is not told, or those who missed the announcement get no other")
	}
	o.asks(at)
	o.came([]byte("one"), true, at)
	if o.unkept() != "" || o.judge(at) != (keeping{ask: true}) {
		t.Error("that it is kept now is not seen")
	}
	for i := 1; i < 6; i++ { // an ACL that does not let it ask
		o.cannotAsk()
		if want := min(ownTime<<(i-1), ownEvery); o.next(at) != want {
			t.Errorf("%d times denied: %s, not %s", i, o.next(at), want)
		}
	}
	// Connections that end at it: it goes without, and is tried again later; where that ends too, it is not the copy.
	for i, want := range []bool{true, true, false} {
		o.connected(at)
		if got := o.published([]byte("one"), at); got != want {
			t.Errorf("connection %d: to be kept is %t", i, got)
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
		t.Error("an end that has another reason is laid on the copy")
	}
}
