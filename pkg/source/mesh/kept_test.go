package mesh

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// table is as a node describes it.
func table(t *testing.T) *told {
	t.Helper()
	d, err := define("prices", wire.Answer{Definition: wire.Definition{
		Columns: []wire.VerifyColumn{{Name: "v", DataType: "varchar", Type: "varchar(20)"}, {Name: "id", DataType: "int", Type: "int(11)"}, {Name: "f", DataType: "float", Type: "float"}},
		Key:     []string{"id"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &told{Table: d}
}

// world is a kept with a real state.
type world struct {
	*kept
	t     *testing.T
	table *told
	gone  string // a column that no longer exists
	woken int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	state, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "connector.db"), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	b, err := state.Inbox(t.Context(), "stock", "prices")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, table: table(t)}
	w.kept = &kept{state: state, inboxes: map[string]*ledger.Inbox{"prices": b}, came: func(string) { w.woken++ }, gone: func(string) func(string) bool {
		return func(column string) bool { return w.gone != "" && column == w.gone }
	}}
	return w
}

// write is a write of a row at a node, at a time; nil values are a delete. seen is what it has seen.
func (w *world) write(key string, at int64, origin string, values []string, seen ...change.Version) apply.Incoming {
	in := apply.Incoming{From: origin, Form: w.table.Table}
	in.Table, in.Key = "prices", key
	in.State = change.State{Version: change.Version{Time: at, Origin: origin}, Seen: seen}
	for _, v := range values {
		name, text, _ := strings.Cut(v, "=")
		in.Columns, in.Values = append(in.Columns, name), append(in.Values, []byte(text))
	}
	return in
}

func (w *world) apply(list ...apply.Incoming) []apply.Result {
	w.t.Helper()
	results, err := w.ApplyFor(w.t.Context(), list, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return results
}

func (w *world) expect(want string) {
	w.t.Helper()
	var list []string
	for p, err := range w.inboxes["prices"].Rows(w.t.Context(), 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, fmt.Sprint(p.Key, " ", string(p.Data), map[bool]string{true: " deleted"}[p.Deleted]))
	}
	if got := strings.Join(list, "\n"); got != want {
		w.t.Errorf("the inbox has\n%s\nwant\n%s", got, want)
	}
}

// Promises 2 and 3 of the mesh: a known version changes nothing, and the later write wins, by version.
func TestTheLaterVersionIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := change.Version{Time: 10, Origin: "berlin"}
	if r := w.apply(w.write("1", 10, "berlin", []string{"id=1", "v=a", "f=0.10000000149011612"})); !r[0].Wrote || w.woken != 1 {
		t.Errorf("%+v, woken %d", r, w.woken)
	}
	w.expect(`1 {"id":1,"v":"a","f":0.1}`)
	for _, c := range []struct {
		in    apply.Incoming
		wrote bool
		want  string
	}{
		{w.write("1", 10, "berlin", []string{"id=1", "v=again"}), false, `1 {"id":1,"v":"a","f":0.1}`},
		{w.write("1", 9, "bonn", []string{"id=1", "v=older"}), false, `1 {"id":1,"v":"a","f":0.1}`},
		{w.write("1", 11, "bonn", []string{"id=1", "v=b"}), true, `1 {"f":0.1,"id":1,"v":"b"}`},
		{w.write("1", 12, "berlin", nil, first), true, `1 {"f":0.1,"id":1,"v":"b"} deleted`},
		{w.write("1", 11, "bonn", []string{"id=1", "v=b"}), false, `1 {"f":0.1,"id":1,"v":"b"} deleted`},
		{w.write("1", 13, "bonn", []string{"id=1", "v=c"}), true, `1 {"id":1,"v":"c"}`},
	} {
		if r := w.apply(c.in); r[0].Wrote != c.wrote || r[0].Err != nil {
			t.Errorf("%v: %+v", c.in.Version, r)
		}
		w.expect(c.want)
	}
}

func TestABatchOfOneRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	missing := w.write("2", 5, "berlin", []string{"id=2", "v=initial"})
	missing.OnlyMissing = true
	r := w.apply(w.write("2", 20, "berlin", []string{"id=2", "v=b"}), w.write("2", 30, "bonn", []string{"id=2", "v=c"}), missing,
		w.write("9", 1, "berlin", nil))
	if !r[0].Wrote || !r[1].Wrote || r[2].Wrote || !r[3].Wrote || w.woken != 1 {
		t.Errorf("%+v, woken %d", r, w.woken)
	}
	w.expect("2 {\"id\":2,\"v\":\"c\"}\n9 {\"id\":9} deleted")
	if w.apply(missing); w.woken != 1 {
		t.Error("a known row was passed on")
	}
	fresh := w.write("4", 5, "berlin", []string{"id=4", "v=initial"})
	fresh.OnlyMissing = true
	w.apply(fresh)
	w.expect("2 {\"id\":2,\"v\":\"c\"}\n9 {\"id\":9} deleted\n4 {\"id\":4,\"v\":\"initial\"}")
}

// A row of an existing peer has the types of its JSON.
func TestTheTypesOfAnExistingPeer(t *testing.T) {
	t.Parallel()
	d := &definitions{keys: map[string][]string{"prices": {"id"}}}
	e, err := value.DecodeEntity([]byte(`{"id":7,"price":"1.50","n":2.5,"on":true,"none":null,"raw":{"type":"Buffer","data":[1]},"more":{"a":[1]}}`))
	if err != nil {
		t.Fatal(err)
	}
	form := d.guess("prices", e)
	in := apply.Incoming{Form: form}
	for _, f := range e {
		c, ok := form.Column(f.Name)
		if !ok {
			t.Fatal(f.Name)
		}
		stored, err := c.Encode(f.Value, nil)
		if err != nil {
			t.Fatal(err)
		}
		in.Columns, in.Values = append(in.Columns, f.Name), append(in.Values, stored)
	}
	row, err := rowOf(&in)
	if want := `{"id":7,"price":"1.50","n":2.5,"on":1,"none":null,"raw":{"type":"Buffer","data":[1]},"more":"{\"a\":[1]}"}`; err != nil || string(row) != want {
		t.Errorf("%s, %v", row, err)
	}
	if key, err := form.ParseID("7"); err != nil || key != "7" {
		t.Errorf("%q, %v", key, err)
	}
	if key, err := d.guess("prices", nil).ParseID("7"); err != nil || key != "7" {
		t.Errorf("of a delete: %q, %v", key, err)
	}
}

// A column that no client has any more is removed from changed rows; one that a change merely lacks stays.
func TestADroppedColumnIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.write("1", 10, "berlin", []string{"id=1", "v=a", "n=5"}))
	w.apply(w.write("1", 20, "berlin", []string{"id=1", "v=b"}))
	w.expect(`1 {"n":"5","id":1,"v":"b"}`)
	w.gone = "n"
	w.apply(w.write("1", 30, "berlin", []string{"id=1", "v=c"}))
	w.expect(`1 {"id":1,"v":"c"}`)
}

// Bytes in a column that was text are sent again, by which time its type is known, instead of being stored as other bytes.
func TestBytesInATextSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.apply(w.write("1", 10, "berlin", []string{"id=1", "v=\xff"}), w.write("2", 10, "berlin", []string{"id=2", "v=é"}))
	if r[0].Err == nil || !r[0].Retry || r[1].Err != nil {
		t.Errorf("%+v", r)
	}
	w.expect(`2 {"id":2,"v":"é"}`)
}

// The definitions take bounded memory, whoever sends them.
func TestDefinitionsAreBounded(t *testing.T) {
	t.Parallel()
	d := &definitions{known: map[place]told{}}
	for i := range 200 {
		wide := schema.Define("prices")
		for range 4096 {
			wide.Columns = append(wide.Columns, value.Column{Name: "c", Type: "int"})
		}
		d.note(place{fmt.Sprint(i), "prices"}, told{Table: wide, at: time.Unix(int64(i), 0)})
	}
	if n := len(d.known); n == 0 || n > 20 {
		t.Errorf("%d definitions are known", n)
	}
	if d.known[place{"199", "prices"}].Table == nil {
		t.Error("the last definition is not known")
	}
}
