package version_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func state(time int64, origin string, seen ...change.Version) change.State {
	v := change.Version{Time: time, Origin: origin}
	return change.State{Version: v, Seen: change.Vector{}.Merge(seen).With(v)}
}

func TestStatesAreReadBackAsWritten(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	long := strings.Repeat("k", 3000)
	want := map[change.Row]change.State{
		{Table: "a", Key: "1"}:           state(1715000000000000, "node-a"),
		{Table: "b", Key: "1"}:           state(1<<62, "node-b"),
		{Table: "a", Key: ""}:            state(1, "node-a", change.Version{Time: 1 << 40, Origin: strings.Repeat("x", 32)}),
		{Table: "a", Key: "\x00\xff'\\"}: state(2, "node-c", change.Version{Time: 1, Origin: "node-a"}, change.Version{Time: 1, Origin: "node-b"}),
		{Table: "a", Key: long}:          state(3, "node-a"),
		{Table: "a", Key: long + "x"}:    state(4, "node-a"),
		{Table: "a", Key: "x "}:          state(5, "node-a"),
		{Table: "a", Key: "x"}:           state(6, "node-a"),
		{Table: "a", Key: "X"}:           state(7, "node-a"),
		{Table: "A", Key: "1"}:           state(8, "node-a"),
		{Table: "a", Key: "decided"}:     state(9, strings.Repeat("x", 32)+"@0123456789abcdef", change.Version{Time: 1, Origin: "node-a"}),
	}
	var entries []version.Entry
	rows := []change.Row{{Table: "a", Key: "never seen"}, {Table: "c", Key: "1"}}
	for r, s := range want {
		entries = append(entries, version.Entry{Row: r, State: s})
		rows = append(rows, r)
	}
	if err := version.Write(t.Context(), db, entries); err != nil {
		t.Fatal(err)
	}
	got, err := version.Read(t.Context(), db, rows)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read as\n%v, %v, want\n%v", got, err, want)
	}
	if got, err := version.Read(t.Context(), db, nil); err != nil || len(got) != 0 {
		t.Errorf("for no rows: %v, %v", got, err)
	}
	if err := version.Write(t.Context(), db, nil); err != nil {
		t.Errorf("write nothing: %v", err)
	}
}

func TestALaterStateReplacesTheEarlier(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	row := change.Row{Table: "t", Key: "1"}
	for _, e := range []version.Entry{
		{Row: row, State: state(1, "node-a", change.Version{Time: 1, Origin: "node-b"})},
		{Row: row, State: state(2, "node-c"), Fate: version.Deleted},
		{Row: row, State: state(3, "node-c"), Fate: version.There},
	} {
		if err := version.Write(t.Context(), db, []version.Entry{e}); err != nil {
			t.Fatal(err)
		}
		got, err := version.Read(t.Context(), db, []change.Row{row})
		if err != nil || !reflect.DeepEqual(got[row], e.State) {
			t.Errorf("read as %v, %v, want %v", got[row], err, e.State)
		}
		fates, err := version.Fates(t.Context(), db, []change.Row{row, {Table: "t", Key: "2"}})
		if err != nil || fates[row] != e.Fate {
			t.Errorf("fates %v, %v, want %v", fates, err, e.Fate)
		}
	}
}

// TestARowCameFromTheClientThatSentItsVersion, not from one that lost to it or has it too.
func TestARowCameFromTheClientThatSentItsVersion(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	row := change.Row{Table: "t", Key: "1"}
	for _, c := range []struct {
		e    version.Entry
		want string
	}{
		{version.Entry{State: state(2, "node-a"), From: "node-b"}, "node-b"},
		{version.Entry{State: state(2, "node-a", change.Version{Time: 1, Origin: "node-c"}), From: "node-c"}, "node-b"},
		{version.Entry{State: state(2, "node-c"), From: "node-c"}, "node-c"},
		{version.Entry{State: state(3, "node-c"), From: "node-d"}, "node-d"},
		{version.Entry{State: state(4, "node-x")}, ""},
		{version.Entry{State: state(5, "node-a"), From: "node-b", Position: 7}, "node-b"},
		{version.Entry{State: state(5, "node-a"), From: "node-c"}, "node-b"},
		{version.Entry{State: state(5, "node-a")}, "node-b"},
		{version.Entry{State: state(6, "node-a"), Position: 8}, ""},
	} {
		c.e.Row = row
		if err := version.Write(t.Context(), db, []version.Entry{c.e}); err != nil {
			t.Fatal(err)
		}
		from, err := version.From(t.Context(), db, []change.Row{row})
		if err != nil || from[row] != c.want {
			t.Errorf("%v of %q came from %q, %v, want %q", c.e.Version, c.e.From, from[row], err, c.want)
		}
	}
}

func TestARowIsFoundInEachTableAndSpelling(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	a, b, bob := change.Row{Table: "a", Key: "1"}, change.Row{Table: "b", Key: "1"}, change.Row{Table: "b", Key: "Bob"}.WithID("bob")
	if err := version.Write(t.Context(), db, []version.Entry{
		{Row: a, State: state(1, "node-a"), Fate: version.There, From: "node-b", Token: -2, Label: 3},
		{Row: b, State: state(2, "node-a"), Fate: version.Deleted, From: "node-c", Token: 4, Label: 1<<32 - 1},
		{Row: bob, State: state(3, "node-a"), Fate: version.Withdrawn, Token: 6, Label: 7},
		{Row: change.Row{Table: "a", Key: "2"}, State: state(4, "node-a"), Fate: version.Deleted, Token: 8, Label: 9},
		{Row: change.Row{Table: "c", Key: "1"}, State: state(5, "node-a"), Fate: version.Deleted, Token: 8, Label: 9},
	}); err != nil {
		t.Fatal(err)
	}
	other := change.Row{Table: "b", Key: "bob"}
	rows := []change.Row{bob, a, {Table: "a", Key: "bob"}, b, a, other, {Table: "never", Key: "1"}}
	states, err := version.Read(t.Context(), db, rows)
	if want := map[change.Row]change.State{a: state(1, "node-a"), b: state(2, "node-a"), bob: state(3, "node-a"), other: state(3, "node-a")}; err != nil || !reflect.DeepEqual(states, want) {
		t.Errorf("states %v, %v, want %v", states, err, want)
	}
	keys, err := version.Keys(t.Context(), db, rows)
	if want := map[change.Row]string{a: "1", b: "1", bob: "Bob", other: "Bob"}; err != nil || !reflect.DeepEqual(keys, want) {
		t.Errorf("keys %q, %v, want %q", keys, err, want)
	}
	from, err := version.From(t.Context(), db, rows)
	if want := map[change.Row]string{a: "node-b", b: "node-c", bob: "", other: ""}; err != nil || !reflect.DeepEqual(from, want) {
		t.Errorf("from %q, %v, want %q", from, err, want)
	}
	fates, err := version.Fates(t.Context(), db, rows)
	if want := map[change.Row]version.Fate{a: version.There, b: version.Deleted, bob: version.Withdrawn, other: version.Withdrawn}; err != nil || !reflect.DeepEqual(fates, want) {
		t.Errorf("fates %v, %v, want %v", fates, err, want)
	}
	tokens, err := version.Tokens(t.Context(), db, rows)
	if want := map[change.Row]int64{a: -2, b: 4, bob: 6, other: 6}; err != nil || !reflect.DeepEqual(tokens, want) {
		t.Errorf("tokens %v, %v, want %v", tokens, err, want)
	}
	labels, err := version.Labels(t.Context(), db, rows)
	if want := map[change.Row]uint32{a: 3, b: 1<<32 - 1, bob: 7, other: 7}; err != nil || !reflect.DeepEqual(labels, want) {
		t.Errorf("labels %v, %v, want %v", labels, err, want)
	}
	if labels, err = version.Labels(t.Context(), db, nil); err != nil || len(labels) != 0 {
		t.Errorf("for no rows: %v, %v", labels, err)
	}
}

func TestAVectorWithTooManyClientsDropsTheOldest(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	row := change.Row{Table: "t", Key: "1"}
	s := state(1000, "newest")
	for i := range 100 {
		s.Seen = s.Seen.With(change.Version{Time: int64(i + 1), Origin: fmt.Sprintf("client-with-a-name-that-is-%05d", i)})
	}
	if err := version.Write(t.Context(), db, []version.Entry{{Row: row, State: s}}); err != nil {
		t.Fatal(err)
	}
	got, err := version.Read(t.Context(), db, []change.Row{row})
	if err != nil || len(got[row].Seen) != 64 || !got[row].Seen.Has(s.Version) {
		t.Fatalf("read as %v, %v", got[row], err)
	}
	for _, v := range got[row].Seen {
		if v.Time <= 100-63 || !s.Seen.Has(v) {
			t.Errorf("%v is kept", v)
		}
	}
}

func TestADamagedVectorIsAnErrorThatNamesTheRow(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	for _, seen := range []string{"X'01'", "X'056162'", "X'016180'", "X'0161FFFFFFFFFFFFFFFFFF7F'"} {
		testkit.Exec(t, db, "REPLACE INTO sync_versions (table_name, row_id, time, origin, seen) VALUES ('items', 'the row', 1, 'node-a', "+seen+")")
		got, err := version.Read(t.Context(), db, []change.Row{{Table: "items", Key: "the row"}})
		if err == nil || !strings.Contains(err.Error(), "items") || !strings.Contains(err.Error(), "the row") {
			t.Errorf("%s is read as %v, %v", seen, got, err)
		}
	}
}

// TestAStateWithLessLeavesNothingOfTheEarlier: a statement names only the columns that one of its rows has.
func TestAStateWithLessLeavesNothingOfTheEarlier(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	bob, other := change.Row{Table: "t", Key: "Bob"}.WithID("bob"), change.Row{Table: "t", Key: "2"}
	full := state(1, "node-a", change.Version{Time: 1, Origin: "node-b"})
	full.Made = change.MadeOf(full.Version, []string{"name", "city"}, []change.Version{{Time: 1, Origin: "node-b"}, full.Version})
	full.Counts = change.Counts{{Name: "stock", Epoch: full.Version, Base: "1", Tallies: []change.Tally{{Origin: "node-a", N: 1, Sum: "3", At: 1}}}}
	bare := func(time int64) change.State {
		return change.State{Version: change.Version{Time: time, Origin: "node-c"}}
	}
	for name, entries := range map[string][]version.Entry{
		"alone":                {{Row: change.Row{Table: "t", Key: "bob"}, State: bare(2)}},
		"beside one with more": {{Row: other, State: full}, {Row: change.Row{Table: "t", Key: "bob"}, State: bare(3)}},
	} {
		if err := version.Write(t.Context(), db, []version.Entry{{Row: bob, State: full, Token: 4, Label: 5}}); err != nil {
			t.Fatal(err)
		}
		keys, err := version.Keys(t.Context(), db, []change.Row{bob})
		if err != nil || keys[bob] != "Bob" {
			t.Fatalf("%s: recorded under %v, %v", name, keys, err)
		}
		if err := version.Write(t.Context(), db, entries); err != nil {
			t.Fatal(err)
		}
		at := entries[len(entries)-1]
		got, err := version.Read(t.Context(), db, []change.Row{at.Row})
		if err != nil || !reflect.DeepEqual(got[at.Row], at.State) {
			t.Errorf("%s: read as %v, %v", name, got, err)
		}
		if keys, err = version.Keys(t.Context(), db, []change.Row{at.Row}); err != nil || keys[at.Row] != "bob" {
			t.Errorf("%s: recorded under %v, %v", name, keys, err)
		}
		tokens, err := version.Tokens(t.Context(), db, []change.Row{at.Row})
		if err != nil || tokens[at.Row] != 4 {
			t.Errorf("%s: tokens %v, %v", name, tokens, err)
		}
	}
}
