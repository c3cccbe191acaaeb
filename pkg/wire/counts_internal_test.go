package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// countedBatch is the batch of testdata/batch/counts.bin, for nodes that announce that they know counters. Like the other golden
// files, it is never regenerated.
func countedBatch() *Batch {
	row := func(key string, counts change.Counts, columns ...string) change.Change {
		c := change.Change{Row: change.Row{Table: "stock", Key: key}, State: change.State{Version: change.Version{Time: 1000, Origin: "node-b"}, Counts: counts}, Columns: columns}
		for range columns {
			c.Values = append(c.Values, []byte("7"))
		}
		return c
	}
	return &Batch{Session: 1, Seq: 2, Sent: 3, Changes: []change.Change{
		row("1", change.Counts{{Name: "q"}}, "id", "q"),
		row("2", change.Counts{{Name: "p", Epoch: change.Version{Time: 5, Origin: "node-a"}, Base: ""}, {Name: "q", Epoch: change.Version{Time: 1}, Base: "-12.5",
			Tallies: []change.Tally{{Origin: "node-a", N: 3, Sum: "-7", At: 900}, {Origin: "node-b~k3xw7qpa", N: 1, Sum: "0.25", At: 1100}}}}, "id", "q"),
		row("3", change.Counts{{Name: "q", Epoch: change.Version{Time: 1}, Base: "4"}}),
		row("4", nil, "id", "q"),
	}}
}

func TestCountsCrossTheWire(t *testing.T) {
	t.Parallel()
	b := countedBatch()
	got, body := &Batch{}, file(t, "counts.bin")
	if made := b.appendBody(nil); !bytes.Equal(made, body) {
		t.Errorf("got body\n%x, want\n%x", made, body)
	}
	if err := decodeBody(body, got); err != nil {
		t.Fatal(err)
	}
	for n := range body { // no matter where it ends, it is refused or has fewer rows
		if cut := (&Batch{}); decodeBody(body[:n], cut) == nil && len(cut.Changes) >= len(b.Changes) {
			t.Errorf("its first %d bytes are taken for the whole", n)
		}
	}
	for i := range b.Changes {
		if !reflect.DeepEqual(got.Changes[i].Counts, b.Changes[i].Counts) {
			t.Errorf("row %d: %+v became %+v", i, b.Changes[i].Counts, got.Changes[i].Counts)
		}
	}
}

// TestDamagedCountsAreRefused: no byte of a foreign message is trusted.
func TestDamagedCountsAreRefused(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(c change.Counts) change.Counts{
		"a sum that is no number":     func(c change.Counts) change.Counts { c[1].Tallies[0].Sum = "1e9"; return c },
		"an empty sum":                func(c change.Counts) change.Counts { c[1].Tallies[0].Sum = ""; return c },
		"a number in another form":    func(c change.Counts) change.Counts { c[1].Base = "007"; return c },
		"tallies out of order":        func(c change.Counts) change.Counts { c[1].Tallies[1].Origin = "node-a"; return c },
		"counters out of order":       func(c change.Counts) change.Counts { c[0].Name = "q"; return c },
		"a name in another form":      func(c change.Counts) change.Counts { c[0].Name = "Q"; return c },
		"a tally of nothing":          func(c change.Counts) change.Counts { c[1].Tallies[0].N = 0; return c },
		"a time before all times":     func(c change.Counts) change.Counts { c[1].Tallies[0].At = -5; return c },
		"more counters than possible": func(change.Counts) change.Counts { return make(change.Counts, mostCounters+1) },
		"an origin that is no client": func(c change.Counts) change.Counts { c[1].Tallies[1].Origin = "no/client"; return c },
	} {
		b := countedBatch()
		b.Changes[1].Counts = damage(b.Changes[1].Counts)
		if err := decodeBody(b.appendBody(nil), &Batch{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
