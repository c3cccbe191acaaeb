package apply

import (
	"errors"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// takenAway is a row that node-b takes away, in the given version, which had seen the others.
func takenAway(token int64, v change.Version, seen ...change.Version) *Incoming {
	in := &Incoming{From: "node-b"}
	in.Row, in.State = change.Row{Table: "items", Key: "1"}, state(v, seen...)
	in.Withdrawn, in.Token = true, token
	return in
}

// decided is the state of a row that a policy made of some writes.
func decided(of ...change.Version) change.State {
	return state(change.Decided(of[0].Time, "", "mark"), of...)
}

func TestRowIsGivenBackOnlyIfTheSenderHasIt(t *testing.T) {
	t.Parallel()
	hubs, ours := at(early, "node-b"), at(later, "node-a")
	here := func(v change.Version, token int64) Local {
		return Local{Exists: true, Key: "1", State: state(v), Fate: version.There, Token: token}
	}
	gone := func(fate version.Fate, v change.Version, token int64) Local {
		return Local{State: state(v), Fate: fate, Token: token}
	}
	pending := here(hubs, 3)
	pending.Pending = uncaptured(later)
	for name, test := range map[string]struct {
		in   *Incoming
		have Local
		want conflict.Decision
		err  error
		fate version.Fate
	}{
		"the sender's own row":                          {takenAway(5, hubs), here(hubs, 3), conflict.Apply, nil, version.Withdrawn},
		"the sender's row in a later version":           {takenAway(5, at(later, "node-b"), hubs), here(hubs, 3), conflict.Apply, nil, version.Withdrawn},
		"a row written here that the sender has":        {takenAway(5, ours), here(ours, 3), conflict.Apply, nil, version.Withdrawn},
		"a row written here that the sender built on":   {takenAway(5, at(later+1, "node-b"), ours), here(ours, 3), conflict.Apply, nil, version.Withdrawn},
		"a row written here since":                      {takenAway(5, hubs), here(ours, 3), conflict.Known, errNews, version.There},
		"a write that is not captured yet":              {takenAway(5, hubs), pending, conflict.Known, errNews, version.There},
		"a row that no one has written":                 {takenAway(5, ours), here(at(change.Baseline, "node-c"), 3), conflict.Apply, nil, version.Withdrawn},
		"a local row kept in place of another":          {takenAway(5, hubs), Local{Exists: true, Key: "1", State: state(hubs, ours), Token: 3}, conflict.Apply, nil, version.Withdrawn},
		"a row that no one sent":                        {takenAway(5, hubs), Local{Exists: true, Key: "1"}, conflict.Known, errOwn, version.There},
		"a row that the sender has from here":           {takenAway(5, at(change.Baseline, "node-a")), Local{Exists: true, Key: "1"}, conflict.Apply, nil, version.Withdrawn},
		"a row that the sender wrote after having it":   {takenAway(5, hubs, at(change.Baseline, "node-a")), Local{Exists: true, Key: "1"}, conflict.Apply, nil, version.Withdrawn},
		"a row that the sender has from elsewhere":      {takenAway(5, hubs, at(change.Baseline, "node-c")), Local{Exists: true, Key: "1"}, conflict.Known, errOwn, version.There},
		"a decision of writes that the sender has":      {takenAway(5, at(later+1, "node-b"), hubs, ours), Local{Exists: true, Key: "1", State: decided(hubs, ours), Token: 3}, conflict.Apply, nil, version.Withdrawn},
		"a decision of a write that the sender has not": {takenAway(5, at(later+1, "node-b"), hubs), Local{Exists: true, Key: "1", State: decided(hubs, ours), Token: 3}, conflict.Known, errNews, version.There},
		"a late word":                     {takenAway(2, hubs), here(hubs, 3), conflict.Known, nil, version.There},
		"a row that was never here":       {takenAway(5, hubs), Local{}, conflict.Apply, nil, version.Withdrawn},
		"a row deleted here since":        {takenAway(5, hubs), gone(version.Deleted, ours, 3), conflict.Known, errNews, version.Deleted},
		"a row written here that is gone": {takenAway(5, hubs), gone(version.Unknown, ours, 3), conflict.Known, errNews, version.Deleted},
		"a row that vanished here":        {takenAway(5, hubs), gone(version.There, ours, 3), conflict.Apply, nil, version.Withdrawn},
		"a delete that the sender knows":  {takenAway(5, ours), gone(version.Deleted, ours, 3), conflict.Known, nil, version.Deleted},
		"a row withdrawn before":          {takenAway(5, hubs), gone(version.Withdrawn, hubs, 3), conflict.Apply, nil, version.Withdrawn},
	} {
		s := Plan(nil, test.in, test.have, later, "node-a", conflict.Policy{})
		if s.Decision != test.want || !errors.Is(s.misfit, test.err) || s.retry != errors.Is(test.err, errNews) || s.fate() != test.fate {
			t.Errorf("%s: got %v, %v, retry %v, fate %v", name, s.Decision, s.misfit, s.retry, s.fate())
		}
		if s.Decision.Writes() && (s.token != -test.in.Token || !s.State.Seen.With(s.State.Version).Covers(test.have.State.Seen.With(test.have.State.Version))) {
			t.Errorf("%s: got token %d and %v", name, s.token, s.State)
		}
	}
}

func TestWithdrawnRowComesBackByALaterWord(t *testing.T) {
	t.Parallel()
	table := items(t)
	v := at(early, "node-b")
	for name, test := range map[string]struct {
		token int64
		want  conflict.Decision
	}{"a later word": {9, conflict.Apply}, "a late one": {2, conflict.Known}} {
		in := incoming(early, row("1.00", "x"))
		in.Token = test.token
		if s := Plan(table, in, Local{State: state(v), Fate: version.Withdrawn, Token: 5}, later, "node-a", conflict.Policy{}); s.Decision != test.want {
			t.Errorf("%s: got %v, want %v", name, s.Decision, test.want)
		}
	}
}

// TestALateWordBringsNothingBackThatWasDeleted has a site delete a row, and the sender, which knows that, write it anew, and withdraw it before
// it arrives.
func TestALateWordBringsNothingBackThatWasDeleted(t *testing.T) {
	t.Parallel()
	table := items(t)
	ours, anew := at(early, "node-a"), at(early+1, "node-b")
	have := Local{State: state(ours), Fate: version.Deleted, Token: 3}
	away := takenAway(9, at(early+2, "node-b"), ours, anew)
	entries, _ := Entries([]Step{Plan(nil, away, have, later, "node-a", conflict.Policy{})}, func(*Step) bool { return false }, nil)
	if len(entries) != 1 || entries[0].Token == 0 || entries[0].Fate != version.Deleted || entries[0].Version != ours {
		t.Fatalf("it records %+v, want the delete as it was, and the word", entries)
	}
	have.Token = entries[0].Token
	inserted := Local{Exists: true, Key: "1", State: state(at(early+3, "node-a"), ours), Fate: version.There, Token: have.Token}
	for name, test := range map[string]struct {
		token int64
		have  Local
		want  conflict.Decision
	}{
		"a late word":                     {5, have, conflict.Known},
		"a later one":                     {11, have, conflict.Apply},
		"a late one, and it was inserted": {5, inserted, conflict.Known},
	} {
		in := incoming(early, row("1.00", "x"))
		in.State, in.Token = state(at(early+4, "node-b"), ours, anew), test.token
		s := Plan(table, in, test.have, later, "node-a", conflict.Policy{})
		if s.Decision != test.want || s.misfit != nil {
			t.Errorf("%s: got %v, %v, want %v", name, s.Decision, s.misfit, test.want)
		}
	}
}

// A hub that claims to have seen what was written here must not get rid of it.
func TestClaimedKnowledgeTakesNoRowAway(t *testing.T) {
	t.Parallel()
	in := takenAway(9, at(later+9, "node-b"), at(later+5, "node-a"))
	s := Plan(nil, in, Local{Exists: true, Key: "1", State: state(at(later, "node-a")), Fate: version.There}, later+100, "node-a", conflict.Policy{})
	if s.Decision != conflict.Known || !errors.Is(s.misfit, errNews) || !s.lie {
		t.Errorf("got %v, %v, lie %v", s.Decision, s.misfit, s.lie)
	}
}
