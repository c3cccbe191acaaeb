package change_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

func TestIDsAreShortAndDistinct(t *testing.T) {
	long := strings.Repeat("k", 63)
	seen := map[string]string{}
	for _, key := range []string{"", "1", "\x00\xff", long, long + "k", long + "l", long + "kk", strings.Repeat("k", 3072)} {
		id := change.Row{Table: "t", Key: key}.ID()
		if len(id) > 64 || len(key) < 64 && id != key {
			t.Errorf("the ID of a key of %d bytes is %q", len(key), id)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have the same ID", key, other)
		}
		seen[id] = key
		if len(key) >= 64 && (len(id) != 64 || id[:40] != key[:40]) {
			t.Errorf("the ID %q of a long key has %d bytes", id, len(id))
		}
	}
}

func TestOrders(t *testing.T) {
	rows := []change.Row{{Table: "a", Key: "2"}, {Table: "b", Key: "1"}, {Table: "b", Key: "10"}, {Table: "b", Key: "2"}}
	versions := []change.Version{{}, {Time: 1, Origin: "b"}, {Time: 2, Origin: "a"}, {Time: 2, Origin: "b"}}
	for i := range rows {
		for j := range rows {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := rows[i].Compare(rows[j]); got != want {
				t.Errorf("%v.Compare(%v) = %d", rows[i], rows[j], got)
			}
			if got := versions[i].Compare(versions[j]); got != want {
				t.Errorf("%v.Compare(%v) = %d", versions[i], versions[j], got)
			}
		}
	}
}

func TestAVectorHasSeenEverythingUpToItsTimes(t *testing.T) {
	var w change.Vector
	for _, v := range []change.Version{{Time: 5, Origin: "b"}, {Time: 3, Origin: "a"}, {}, {Time: 4, Origin: "b"}, {Time: 7, Origin: "c"}, {Time: 9, Origin: "c"}} {
		before := append(change.Vector(nil), w...)
		next := w.With(v)
		if !reflect.DeepEqual(append(change.Vector(nil), w...), before) {
			t.Fatalf("With(%v) changed %v into %v", v, before, w)
		}
		w = next
	}
	if want := (change.Vector{{Time: 3, Origin: "a"}, {Time: 5, Origin: "b"}, {Time: 9, Origin: "c"}}); !reflect.DeepEqual(w, want) {
		t.Errorf("got vector %v, want %v", w, want)
	}
	for v, want := range map[change.Version]bool{
		{Time: 3, Origin: "a"}: true, {Time: 4, Origin: "a"}: false, {Time: 1, Origin: "c"}: true, {Time: 1, Origin: "d"}: false,
	} {
		if got := w.Has(v); got != want {
			t.Errorf("Has(%v) = %v", v, got)
		}
	}
	if got := w.Merge(change.Vector{{Time: 8, Origin: "b"}, {Time: 1, Origin: "d"}}); !got.Has(change.Version{Time: 8, Origin: "b"}) || !got.Has(change.Version{Time: 9, Origin: "c"}) || len(got) != 4 {
		t.Errorf("Merge = %v", got)
	}
}

func TestADecisionIsNobodysWrite(t *testing.T) {
	for v, author := range map[change.Version]string{
		change.Decided(5, "hq", "mark"): "hq", change.Decided(5, "", "mark"): "",
	} {
		if !v.IsDecided() || v.Author() != author || v.Time != 5 {
			t.Errorf("%v: decided %v, by %q", v, v.IsDecided(), v.Author())
		}
		if w := (change.Vector{}).With(v); len(w) != 0 || w.Has(v) {
			t.Errorf("%v is in the vector %v", v, w)
		}
	}
	if v := (change.Version{Time: 5, Origin: "hq"}); v.IsDecided() || v.Author() != "hq" {
		t.Errorf("%v: decided %v, by %q", v, v.IsDecided(), v.Author())
	}
}

func TestAVectorCoversAVectorItHasFullySeen(t *testing.T) {
	w := change.Vector{{Time: 3, Origin: "a"}, {Time: 5, Origin: "b"}}
	for name, test := range map[string]struct {
		o    change.Vector
		want bool
	}{
		"nothing":       {nil, true},
		"itself":        {w, true},
		"earlier ones":  {change.Vector{{Time: 2, Origin: "a"}}, true},
		"a later one":   {change.Vector{{Time: 2, Origin: "a"}, {Time: 6, Origin: "b"}}, false},
		"another":       {change.Vector{{Time: 2, Origin: "c"}}, false},
		"nobody's rows": {change.Vector{{Time: change.Baseline, Origin: "c"}}, true},
	} {
		if got := w.Covers(test.o); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if w.Latest("b") != 5 || w.Latest("c") != 0 {
		t.Errorf("the latest are %d and %d", w.Latest("b"), w.Latest("c"))
	}
}

func TestAChangeWithoutColumnsIsADelete(t *testing.T) {
	if c := (change.Change{}); !c.Deleted() {
		t.Error("it is not")
	}
	if c := (change.Change{Columns: []string{}}); c.Deleted() {
		t.Error("a change of no columns is one")
	}
	if !(change.Version{}).IsZero() || (change.Version{Origin: "a"}).IsZero() {
		t.Error("only the zero version is that of a row never seen")
	}
	if got := change.Micros(time.Unix(1, 2000)); got != 1_000_002 {
		t.Errorf("Micros = %d", got)
	}
}
