package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

var now = time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)

// hub is the state of the node that watches the sites.
func hub(sites ...string) *status.State {
	s := &status.State{Client: "hub", Version: "1.2.3", Started: now.Add(-time.Hour), Now: now, Database: status.Link{Online: true, Since: now}, Broker: status.Link{Online: true, Since: now}}
	for _, name := range sites {
		heard := now.Add(-time.Second)
		s.Remotes = append(s.Remotes, status.Remote{Name: name, Online: true, Heard: &heard})
	}
	return s
}

// well is the answer of a site without problems.
func well(site string) wire.Summary {
	return wire.Summary{Client: site, Version: "1.2.3", Started: now.Add(-time.Hour), Now: now, Database: wire.SummaryLink{Online: true, Since: now}, Broker: wire.SummaryLink{Online: true, Since: now}}
}

func TestSitesAreRankedWorstFirst(t *testing.T) {
	t.Parallel()
	names := []string{"a-well", "b-untold", "c-clock", "d-behind", "e-behind-more", "f-problem", "g-problems", "h-refused", "i-database", "j-offline", "k-here", "l-well"}
	s, b := hub(names...), fleet.NewBoard(names)
	want := map[string]string{"a-well": fleet.NoProblems, "l-well": fleet.NoProblems, "hub": fleet.Problems, "b-untold": fleet.Untold, "c-clock": fleet.ClockOff, "d-behind": fleet.Behind,
		"e-behind-more": fleet.Behind, "f-problem": fleet.Problems, "g-problems": fleet.Problems, "h-refused": fleet.Problems, "k-here": fleet.Problems, "i-database": fleet.DatabaseAway, "j-offline": fleet.Offline}
	for i, name := range names {
		x, asked := well(name), now
		switch name {
		case "b-untold":
			asked = now.Add(-5 * time.Minute) // its answer is old
		case "c-clock":
			x.Now = now.Add(-2 * time.Minute)
		case "d-behind":
			x.Rows = wire.SummaryRows{Pending: 1, Oldest: now.Add(-6 * time.Minute)}
		case "e-behind-more":
			s.Remotes[i].Lag, s.Remotes[i].Pending.Rows = 3600, 5 // waiting here for it
		case "f-problem":
			x.Problems = []string{"one"}
		case "g-problems":
			x.Problems, x.More = []string{"one"}, 1
		case "h-refused":
			x.Rows.Refused = 2
		case "k-here":
			s.Remotes[i].Errors = 3
		case "i-database":
			x.Database.Online = false
		case "j-offline":
			s.Remotes[i].Online = false
		}
		b.Hear(name, asked, asked, x)
	}
	var order []string
	for _, x := range b.Look(s, -1).Sites {
		order = append(order, x.Name)
		if x.Standing != want[x.Name] {
			t.Errorf("%s is %q, want %q", x.Name, x.Standing, want[x.Name])
		}
	}
	if got := strings.Join(order, " "); got != "j-offline i-database k-here h-refused g-problems f-problem hub e-behind-more d-behind c-clock b-untold a-well l-well" {
		t.Error(got)
	}
}

// A site that a person has paused is not taken for one without problems: the hub that paused it would forget it.
func TestPausedSitesAreShown(t *testing.T) {
	t.Parallel()
	later, names := now.Add(time.Hour), []string{"a-well", "b-there", "c-over", "d-here", "e-problem", "f-offline"}
	s, b := hub(names...), fleet.NewBoard(names)
	s.Pauses = []status.Pause{{Remote: "d-here", Table: "orders", Until: &later, Reason: "new column"}}
	s.Remotes[5].Online = false
	for _, name := range names {
		x := well(name)
		switch name {
		case "b-there", "f-offline":
			x.Pauses = []wire.SummaryPause{{By: "hub (anna)", Until: later}}
		case "c-over":
			x.Pauses = []wire.SummaryPause{{By: "hub", Until: now.Add(30 * time.Second)}}
		case "e-problem":
			x.Pauses, x.Problems = []wire.SummaryPause{{}}, []string{"one"}
		}
		b.Hear(name, now.Add(-time.Minute), now.Add(-time.Minute), x)
	}
	var order []string
	for _, x := range b.Look(s, -1).Sites {
		order = append(order, fmt.Sprintf("%s %s %d", x.Name, x.Standing, len(x.Pauses)))
		if x.Name == "d-here" && (!x.Pauses[0].Here || x.Pauses[0].Table != "orders" || x.Pauses[0].Reason != "new column" || !x.Pauses[0].Until.Equal(later)) {
			t.Errorf("%+v", x.Pauses)
		}
	}
	want := "f-offline offline 1, e-problem problems 1, b-there paused 1, d-here paused 1, hub paused 1, a-well no problems 0, c-over no problems 0"
	if got := strings.Join(order, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A clock is off only by more than the answer's travel time; a hostile clock does no harm.
func TestClocksAreComparedWithinTheDelayOfTheAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		its  time.Time
		took time.Duration
		want string
	}{
		{now, 0, fleet.NoProblems},
		{now.Add(59 * time.Second), 0, fleet.NoProblems},
		{now.Add(61 * time.Second), 0, fleet.ClockOff},
		{now.Add(55 * time.Second), 20 * time.Second, fleet.NoProblems},
		{time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC), 0, fleet.ClockOff},
		{time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC), 0, fleet.ClockOff},
	} {
		b, x := fleet.NewBoard([]string{"store-1"}), well("store-1")
		x.Now = c.its
		b.Hear("store-1", now.Add(-c.took), now, x)
		for _, site := range b.Look(hub("store-1"), -1).Sites {
			if site.Name == "store-1" && site.Standing != c.want {
				t.Errorf("%v after %v: %s, off by %.1f s", c.its, c.took, site.Standing, site.Told.Clock)
			}
		}
	}
}

func TestOnlySitesOfTheConfigurationAreKept(t *testing.T) {
	t.Parallel()
	b := fleet.NewBoard([]string{"store-1"})
	b.Hear("stranger", now, now, well("stranger"))
	b.Fail("stranger", "why")
	b.Fail("store-1", "it says \x1b[2J"+strings.Repeat("x", 1000))
	f := b.Look(hub("store-1", status.Anyone, "stranger"), -1)
	if len(f.Sites) != 2 {
		t.Fatalf("%+v", f.Sites)
	}
	for _, x := range f.Sites {
		if len([]rune(x.Why)) > wire.MostSummaryText || strings.Contains(x.Why, "\x1b") {
			t.Errorf("the reason is %q", x.Why)
		}
	}
}

// Without its broker, a node knows nothing about the others, and says so.
func TestWithoutTheBrokerNobodyIsKnown(t *testing.T) {
	t.Parallel()
	s := hub("store-1")
	s.Broker.Online, s.Remotes[0].Online = false, false
	for _, x := range fleet.NewBoard([]string{"store-1"}).Look(s, -1).Sites {
		if x.Name == "store-1" && (x.Standing != fleet.Offline || x.Why != "this node does not reach the broker") {
			t.Errorf("%+v", x)
		}
	}
}

func TestASummaryIsThatOfTheState(t *testing.T) {
	t.Parallel()
	s, older := hub("store-1", "store-2", status.Anyone), now.Add(-time.Hour)
	s.Remotes[0].Pending, s.Remotes[0].Errors, s.Remotes[0].Oldest = status.Count{Rows: 5, AtLeast: true}, 2, &now
	s.Remotes[1].Pending, s.Remotes[1].Errors, s.Remotes[1].Oldest, s.Remotes[1].Online = status.Count{Rows: 7}, 1, &older, false
	s.Remotes[2].Pending.Rows = 100
	s.Conflicts.Kept, s.Uncaptured.Rows = 4, 9
	s.Transfers = []status.Transfer{{Table: "orders"}, {Table: "items", Finished: &now}}
	s.Verified = []status.Comparison{{Table: "orders", At: older, Equal: true}, {Table: "items", At: now, Differs: 3}}
	for range 20 {
		s.Problems = append(s.Problems, "a problem\x07")
	}
	x := fleet.Of(s, 42)
	if err := x.Check("hub"); err != nil {
		t.Fatal(err)
	}
	if x.Remotes != (wire.Online{Online: 1, Total: 2}) || x.Rows != (wire.SummaryRows{Pending: 12, Oldest: older, Refused: 3, Conflicts: 4, Uncaptured: 9, AtLeast: true}) {
		t.Errorf("%+v", x)
	}
	if x.Sending != 1 || x.FreeDisk != 42 || x.Verified != (wire.Verified{At: now, Equal: 1, Differ: 1}) || len(x.Problems) != 8 || x.More != 12 {
		t.Errorf("%+v", x)
	}
}

func TestTheFreeDiskIsKnown(t *testing.T) {
	t.Parallel()
	if n := fleet.FreeDisk(t.TempDir()); n <= 0 {
		t.Errorf("%d bytes", n)
	}
	if n := fleet.FreeDisk(t.TempDir() + "/none"); n != -1 {
		t.Errorf("free disk of a missing directory: %d bytes, want -1", n)
	}
}
