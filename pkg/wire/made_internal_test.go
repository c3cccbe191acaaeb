package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// merged is the batch of testdata/batch/made.bin, for nodes that announce that they merge columns. Like the other golden files,
// it is never regenerated. A row whose operation has the bit 8 has, after its vector, the write that made the columns not
// listed (µs before the version, number of the client), then the number of those listed, and for each its place after the one
// before, and its write.
func merged() *Batch {
	const at = 1715000000200256
	columns := []string{"id", "name", "amount"}
	by := func(t int64, o string) change.Version { return change.Version{Time: t, Origin: o} }
	return &Batch{Session: 0x0123456789abcdef, Seq: 42, Sent: 1715000000123, Changes: []change.Change{
		{Row: change.Row{Table: "items", Key: "1"}, State: change.State{Version: by(at, "node-a"), Made: &change.Made{Rest: by(at-9, "node-b"), Columns: []change.MadeBy{{Name: "amount", Version: by(at, "node-a")}}}},
			Columns: columns, Values: [][]byte{[]byte("1"), []byte("one"), nil}},
		{Row: change.Row{Table: "items", Key: "2"}, State: change.State{Version: by(at+1, "@mark"), Seen: change.Vector{by(at, "node-a"), by(at-1, "node-b")},
			Made: &change.Made{Rest: by(1, "node-c"), Columns: []change.MadeBy{{Name: "amount", Version: by(at-1, "node-b")}, {Name: "name", Version: by(at, "node-a")}}}}, Token: 7,
			Columns: columns, Values: [][]byte{[]byte("2"), nil, []byte("2")}},
		{Row: change.Row{Table: "items", Key: "3"}, State: change.State{Version: by(at+2, "@mark"), Made: &change.Made{Rest: by(at, "node-a")}}},
	}}
}

func TestMadeMatchesProtocol2(t *testing.T) {
	t.Parallel()
	got := merged().appendBody(nil)
	want := file(t, "made.bin")
	if !bytes.Equal(got, want) {
		t.Errorf("got body\n%x, want\n%x", got, want)
	}
	b := &Batch{Session: merged().Session, Seq: merged().Seq}
	if err := decodeBody(want, b); err != nil || !reflect.DeepEqual(b, merged()) {
		t.Errorf("the body reads as\n%+v, %v", b, err)
	}
	for n := range want {
		_ = decodeBody(want[:n], &Batch{}) // no panic
	}
}

func TestColumnsThatAreNotSentAreLeftOut(t *testing.T) {
	t.Parallel()
	b := merged()
	b.Changes = b.Changes[1:2]
	c := &b.Changes[0]
	c.Columns, c.Values = []string{"id", "NAME"}, c.Values[:2]
	got := &Batch{}
	if err := decodeBody(b.appendBody(nil), got); err != nil {
		t.Fatal(err)
	}
	if m := got.Changes[0].Made; len(m.Columns) != 1 || m.By("name") != c.Made.By("name") || m.By("amount") != c.Made.Rest {
		t.Errorf("it says %+v", m)
	}
}

func TestForeignColumnsAreBounded(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*change.Change){
		"a column is later than its row": func(c *change.Change) { c.Made.Columns[0].Time = c.Version.Time + 1 },
		"the rest is later than its row": func(c *change.Change) { c.Made.Rest.Time = c.Version.Time + 1 },
		"a column is by nobody":          func(c *change.Change) { c.Made.Columns[0].Origin = "no client" },
		"a time is before 1970":          func(c *change.Change) { c.Made.Rest.Time = -1 },
	} {
		b := merged()
		spoil(&b.Changes[0])
		if err := decodeBody(b.appendBody(nil), &Batch{}); err == nil {
			t.Errorf("%s: it is accepted", name)
		}
	}
	// A body that claims columns beyond those of its section, and too many.
	for _, list := range [][]byte{{3, 0, 0, 0}, {1, 9, 0, 0}, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0}} {
		r := &reader{rest: append([]byte{0, 0}, list...), last: 5}
		if m := r.made([]string{"a", "b"}, []string{"x"}); r.err == nil {
			t.Errorf("%x is read as %+v", list, m)
		}
	}
}
