package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

var (
	early = change.Version{Time: 10, Origin: "node-a"}
	late  = change.Version{Time: 20, Origin: "node-b"}
)

// TestEachDifferenceHasItsRemedy: of two versions the later one stays, of two equal ones this node's row; what nobody
// has deleted comes back.
func TestEachDifferenceHasItsRemedy(t *testing.T) {
	sent := Repair{Remote: "node-b", Origin: "node-a", Syncs: true}
	received, transformed := sent, sent
	received.Syncs, transformed.Transformed = false, true
	for _, x := range []struct {
		rule         string
		repair       Repair
		kind         string
		ours, theirs change.Version
		fate         version.Fate
		pending      bool
		want         remedy
	}{
		{"the later row is sent", sent, Differs, late, early, version.There, false, resend},
		{"so is the earlier one: the remote decides", sent, Differs, early, late, version.There, false, resend},
		{"a row without a version is sent", sent, MissingThere, change.Version{}, early, version.Unknown, false, resend},
		{"of rows in one version this node's is written anew", sent, Differs, late, late, version.There, false, renew},
		{"a row that only this node has, in a version that both know, is written anew", sent, MissingThere, late, late, version.There, false, renew},
		{"so is a row that nobody knows a version of", sent, MissingThere, change.Version{}, change.Version{}, version.Unknown, false, renew},
		{"a later delete is sent", sent, MissingHere, late, early, version.Deleted, false, resend},
		{"an earlier one is not", sent, MissingHere, early, late, version.Deleted, false, leave},
		{"a row that both know to be deleted comes back", sent, MissingHere, late, late, version.Deleted, false, forget},
		{"but while a change of it is on its way", sent, MissingHere, late, late, version.Deleted, true, leave},
		{"a row that has vanished comes back", sent, MissingHere, late, early, version.There, false, forget},
		{"so does one that was withdrawn", sent, MissingHere, late, early, version.Withdrawn, false, forget},
		{"a vanished row of which a change is on its way counts by its version", sent, MissingHere, late, early, version.There, true, resend},
		{"where a table is only received, the remote's row is news", received, Differs, late, late, version.There, false, forget},
		{"but while a change of it is on its way", received, Differs, late, late, version.There, true, leave},
		{"a row that is missing at the only sender is offered", received, MissingThere, late, late, version.There, false, resend},
		{"what the remote wrote does not go back through a transformer", transformed, Differs, late, late, version.There, false, forget},
		{"what this node wrote does", transformed, Differs, early, early, version.There, false, renew},
	} {
		t.Run(x.rule, func(t *testing.T) {
			d := &Unequal{Kind: x.kind, Pending: x.pending, Ours: x.ours, Theirs: x.theirs}
			if got := x.repair.remedy(d, change.State{Version: x.ours}, x.fate, false); got != x.want {
				t.Errorf("%d, want %d", got, x.want)
			}
			gives := withdraw
			if x.kind == MissingThere {
				gives = resend
			}
			if got := x.repair.remedy(d, change.State{Version: x.ours}, x.fate, true); got != gives {
				t.Errorf("%d if the remote is not to have the row, want %d: it gives it back", got, gives)
			}
		})
	}
}

// TestARowThatMovesOnIsLeftAlone: a delete or a row that comes between the comparison and the repair is news by itself. A
// new version would say that a deleted row is there, and what is known of a row that is back would be forgotten.
func TestARowThatMovesOnIsLeftAlone(t *testing.T) {
	p := Repair{Remote: "node-b", Origin: "node-a", Syncs: true}
	for _, kind := range []string{Differs, MissingHere, MissingThere} {
		for _, fate := range []version.Fate{version.Deleted, version.There} {
			if got := p.remedy(&Unequal{Kind: kind, Ours: early, Theirs: late}, change.State{Version: late}, fate, false); got != leave {
				t.Errorf("%s, with the fate %d: %d, want %d", kind, fate, got, leave)
			}
		}
	}
}

func TestARemoteIsGivenItsRowsAndDeletes(t *testing.T) {
	known := change.State{Version: early}
	for _, x := range []struct {
		rule string
		here bool
		s    change.State
		fate version.Fate
		want bool
	}{
		{"a row", true, change.State{}, version.Unknown, true},
		{"a row that somebody wrote", true, known, version.There, true},
		{"a delete", false, known, version.Deleted, true},
		{"a delete of an earlier release", false, known, version.Unknown, true},
		{"nothing of a row that nobody knows", false, change.State{}, version.Unknown, false},
		{"nothing of a row that has vanished", false, known, version.There, false},
		{"nothing of a row that was withdrawn", false, known, version.Withdrawn, false},
	} {
		if got := Given(x.here, x.s, x.fate); got != x.want {
			t.Errorf("%s: %v, want %v", x.rule, got, x.want)
		}
	}
}

// ledger is a Rows in memory, which notes what is done.
type ledger struct {
	states map[change.Row]change.State
	fates  map[change.Row]version.Fate
	done   []string
	fails  string
}

func (l *ledger) note(what string, rows ...string) error {
	if l.done = append(l.done, fmt.Sprint(what, rows)); l.fails == what {
		return errors.New(what)
	}
	return nil
}

func keysOf(rows []change.Row) (keys []string) {
	for _, r := range rows {
		keys = append(keys, r.Key)
	}
	return keys
}

func (l *ledger) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	return l.states, l.note("states", keysOf(rows)...)
}

func (l *ledger) Fates(_ context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	return l.fates, l.note("fates", keysOf(rows)...)
}

func (l *ledger) MarkLost(_ context.Context, rows []change.Row, remote string) error {
	return l.note("lost by "+remote, keysOf(rows)...)
}

func (l *ledger) NotTheirs(_ context.Context, rows []change.Row, remote string) (map[string]bool, error) {
	return map[string]bool{"away": true, "moved": true}, l.note("routes of "+remote, keysOf(rows)...)
}

func (l *ledger) Write(_ context.Context, entries []version.Entry) error {
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprintf("%s %d %s at %d", e.Key, e.Version.Time, e.Version.Origin, e.Position))
	}
	return l.note("write", list...)
}

func (l *ledger) Forget(_ context.Context, rows []change.Row) error {
	return l.note("forget", keysOf(rows)...)
}

func (l *ledger) Mark(_ context.Context, rows []change.Row, remote string) error {
	return l.note("mark for "+remote, keysOf(rows)...)
}

func TestRowsAreRepairedInOneOrder(t *testing.T) {
	row := func(key string) change.Row { return change.Row{Table: "t", Key: key} }
	p := Repair{Remote: "node-b", Origin: "node-a", Now: 100, Syncs: true}
	differ := []Unequal{
		{Row: row("sent"), Kind: MissingThere, Ours: early, Theirs: late},
		{Row: row("anew"), Kind: Differs, Ours: late, Theirs: late},
		{Row: row("back"), Kind: MissingHere, Ours: early, Theirs: late},
		{Row: row("away"), Kind: MissingHere, Ours: late, Theirs: early},
		{Row: row("moved"), Kind: MissingThere, Ours: late, Theirs: early},
	}
	l := &ledger{fates: map[change.Row]version.Fate{row("back"): version.There}, states: map[change.Row]change.State{
		row("sent"): {Version: early}, row("anew"): {Version: late}, row("back"): {Version: early},
	}}
	if err := p.Resend(t.Context(), l, differ, func(int) int64 { return 7 }); err != nil {
		t.Fatal(err)
	}
	want := []string{"states[sent anew back away moved]", "fates[back away]", "routes of node-b[sent anew back away moved]", "write[anew 100 node-a at 8]", "forget[back]", "lost by node-b[away]",
		"mark for node-b[sent moved]"}
	if !slices.Equal(l.done, want) {
		t.Errorf("done: %q, want %q", l.done, want)
	}
	for i, step := range []string{"states", "fates", "routes of node-b", "write", "forget", "lost by node-b", "mark for node-b"} {
		l.done, l.fails = nil, step
		if err := p.Resend(t.Context(), l, differ, func(int) int64 { return 7 }); err == nil || len(l.done) != i+1 {
			t.Errorf("after an error of %s: %v, and %q was done", step, err, l.done)
		}
	}
}
