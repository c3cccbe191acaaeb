package conflict_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

const (
	minute = int64(60_000_000)
	day    = 24 * 60 * minute
	today  = 20_000 * day
)

func TestWritesAreNotFromTheFuture(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ claimed, server, now, want int64 }{
		"correct clocks":                          {today - minute, today, today, today - minute},
		"the server's clock is slow":              {today - 3*day - minute, today - 3*day, today, today - 3*day - minute},
		"the server's clock is fast":              {today + 3*day - minute, today + 3*day, today, today - minute},
		"it was fast and is corrected":            {today + 3*day, today, today, today},
		"it was fast by less than the time since": {today - minute, today, today, today - minute},
		"the node's clock is fast":                {today, today, today + 3*day, today},
		"it was fast and is slow":                 {today + day, today - day, today, today - day},
	} {
		if got := conflict.Written(c.claimed, c.server, c.now); got != c.want {
			t.Errorf("%s: %v from now, want %v", what, time.Duration(got-c.now)*1000, time.Duration(c.want-c.now)*1000)
		}
	}
}

func TestVersionsTooFarAheadAreCapped(t *testing.T) {
	t.Parallel()
	at := func(time int64, origin string) change.Version { return change.Version{Time: time, Origin: origin} }
	near := change.State{Version: at(today+day, "a"), Seen: change.Vector{at(today, "b")}}
	if got := conflict.Believed(near, today); !reflect.DeepEqual(got, near) {
		t.Errorf("a version accepted by others is %v", got)
	}
	far := change.State{Version: at(today+3*day, "a"), Seen: change.Vector{at(today+2*day, "a"), at(today-day, "b"), at(today+2*day, "c")}}
	b := conflict.Believed(far, today)
	if want := (change.Vector{at(today, "a"), at(today-day, "b")}); b.Version.Time > 10*60*minute || b.Version.Origin != "a~ahead" || b.Version.Time <= change.Baseline || !reflect.DeepEqual(b.Seen, want) {
		t.Errorf("%v is capped to %v", far, b)
	}
	next := conflict.Next(b, today, "a")
	if conflict.TooFarAhead(next.Version, today) || next.Version.Time < today {
		t.Errorf("the write after it is %v", next)
	}
	for _, v := range next.Seen {
		if v.Time > next.Version.Time {
			t.Errorf("%v claims to know %v", next.Version, v)
		}
	}
	// A node with an earlier version accepts it, and so does one that had accepted the other uncapped.
	old := change.State{Version: at(today-5*day, "a")}
	if d, _ := conflict.Resolve(old, next); d != conflict.Apply {
		t.Errorf("a node with %v decides %v", old, d)
	}
	if d, _ := conflict.Resolve(b, next); !d.Writes() {
		t.Errorf("a node with %v decides %v", far, d)
	}
	// A concurrent write is later; it is kept although its author's earlier writes were known.
	if d, _ := conflict.Resolve(b, change.State{Version: at(today-minute, "b"), Seen: change.Vector{at(today-day, "a")}}); d != conflict.Win {
		t.Errorf("another's write: decision %v", d)
	}
	again := conflict.Believed(change.State{Version: at(far.Version.Time+day, "a"), Seen: next.Seen}, today)
	if d, _ := conflict.Resolve(again, change.State{Version: at(today-minute, "b"), Seen: next.Seen}); d != conflict.Win {
		t.Errorf("the second time: decision %v", d)
	}
}
