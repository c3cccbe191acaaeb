package wire_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// infos are the messages of /info and /info/{client} in the golden files of
// version 1.
var infos = map[string]wire.Info{
	"connected":       {Sender: "node-a", Message: wire.Connected, Until: time.UnixMilli(1715000005000)},
	"connection_lost": {Sender: "node-a", Message: wire.ConnectionLost},
	"data_received": {Sender: "node-a", Message: wire.DataReceived, Table: "product_items",
		ID: "2055d5d7-21e9-410b-954e-bb65772d9c6e", Date: 1715000000123},
	"error": {Sender: "node-a", Message: wire.Failed, Table: "product_items",
		ID: "89938513-8988-42a5-97ed-d941fd4f50c3", Date: 1715000000123, Error: "Database connection timed out!"},
}

// changes are the messages of /change/{client} in the golden files.
var changes = map[string]wire.Change{
	"change": {Sender: "node-a", Table: "product_items", ID: "53d21975-608f-40a5-b97b-02d4ad7b1f71", Date: 123,
		Entity: value.Entity{{Name: "id", Value: "53d21975-608f-40a5-b97b-02d4ad7b1f71"}, {Name: "name", Value: "Some name"}}},
	"delete": {Sender: "node-a", Table: "product_items", ID: "53d21975-608f-40a5-b97b-02d4ad7b1f71", Date: 1715000000123},
	"values": {Sender: "node-a", Table: "all \"types\"", ID: "42", Date: 1715000000123, Entity: value.Entity{
		{Name: "id", Value: "42"}, {Name: "big", Value: "9007199254740993"}, {Name: "price", Value: "1.50"},
		{Name: "ratio", Value: 0.1}, {Name: "flags", Value: int64(5)}, {Name: "picture", Value: []byte{0xff, 0xd8, 0}},
		{Name: "at", Value: "2024-05-06 07:08:09.000010"}, {Name: "document", Value: `{"a": 1}`}, {Name: "note", Value: "Grüße\n😀"},
		{Name: "nothing", Value: nil}}},
}

// golden reads a golden file. Peers in the field send and accept exactly this: the files are never
// regenerated, and a message that differs is wrong.
func golden(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b, []byte("\n"))
}

func TestVersion1IsWrittenExactly(t *testing.T) {
	for name, m := range infos {
		if got, want := m.Encode(), golden(t, "v1", name+".json"); !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	for name, m := range changes {
		got, err := m.Encode()
		if want := golden(t, "v1", name+".json"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, got, want)
		}
	}
}

func TestVersion1IsRead(t *testing.T) {
	for name, want := range infos {
		if got, err := wire.ParseInfo(golden(t, "v1", name+".json")); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for name, want := range changes {
		if got, err := wire.ParseChange(golden(t, "v1", name+".json")); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}

// TestVersion1HasNoOtherKeys checks the keys of all messages against the document: existing peers
// refuse a message with any other key.
func TestVersion1HasNoOtherKeys(t *testing.T) {
	envelope := map[string][]string{"change": {"sender", "table", "id", "date", "entity"}}
	arguments := map[string][]string{
		"connected": {"until"}, "connection_lost": {}, "data_received": {"table", "id", "date"}, "error": {"table", "id", "date", "message"},
	}
	check := func(what string, message []byte, want []string) map[string]json.RawMessage {
		t.Helper()
		var m map[string]json.RawMessage
		if err := json.Unmarshal(message, &m); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var got []string
		for k := range m {
			got = append(got, k)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the keys %q, want %q", what, got, want)
		}
		return m
	}
	for name, m := range infos {
		top := check(name, m.Encode(), []string{"sender", "message", "args"})
		check(name+".args", top["args"], arguments[name])
	}
	for name, m := range changes {
		message, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		check(name, message, envelope["change"])
	}
}

func TestForeignFormsAreRead(t *testing.T) {
	until := time.UnixMilli(1715000005000)
	for text, want := range map[string]wire.Info{
		`{"message":"connection_lost","sender":"old_peer","args":{}}`:                                                              {Sender: "old_peer", Message: wire.ConnectionLost},
		`{"sender":"old_peer","message":"connection_lost"}`:                                                                        {Sender: "old_peer", Message: wire.ConnectionLost},
		`{"sender":"old_peer","message":"connected","args":{"until":"1715000005000"}}`:                                             {Sender: "old_peer", Message: wire.Connected, Until: until},
		`{"sender":"old_peer","message":"connected","args":{"until":"2024-05-06T12:53:25Z"}}`:                                      {Sender: "old_peer", Message: wire.Connected, Until: until},
		`{"sender":"old_peer","message":"connected","args":{"until":1.715000005e12,"more":1},"more":1}`:                            {Sender: "old_peer", Message: wire.Connected, Until: until},
		`{"sender":"old_peer","message":"data_received","args":{"table":"t","id":42,"date":7}}`:                                    {Sender: "old_peer", Message: wire.DataReceived, Table: "t", ID: "42", Date: 7},
		`{"sender":"old_peer","message":"data_received","args":{"table":"t","id":"42"}}`:                                           {Sender: "old_peer", Message: wire.DataReceived, Table: "t", ID: "42"},
		`{"sender":"old_peer","message":"error","args":{"table":"t","id":"4","date":"1970-01-01T00:00:00.005Z","message":"away"}}`: {Sender: "old_peer", Message: wire.Failed, Table: "t", ID: "4", Date: 5, Error: "away"},
	} {
		if got, err := wire.ParseInfo([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	got, err := wire.ParseChange([]byte(`{"entity":{"id":42},"id":42,"table":"t","sender":"script","date":"7","extra":[]}`))
	want := wire.Change{Sender: "script", Table: "t", ID: "42", Date: 7, Entity: value.Entity{{Name: "id", Value: int64(42)}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("a script's change: %+v, %v, want %+v", got, err, want)
	}
}

func TestWrongInfoIsRefused(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `"connected"`, `{`, `{}`,
		`{"sender":"x","message":"connection_lost"}`,
		`{"sender":"a b","message":"connection_lost"}`,
		`{"sender":"` + strings.Repeat("x", 33) + `","message":"connection_lost"}`,
		`{"sender":["node-a"],"message":"connection_lost"}`,
		`{"sender":"node-a"}`, `{"sender":"node-a","message":"hello","args":{}}`,
		`{"sender":"node-a","message":"connected"}`,
		`{"sender":"node-a","message":"connected","args":[]}`,
		`{"sender":"node-a","message":"connected","args":{"until":-1}}`,
		`{"sender":"node-a","message":"connected","args":{"until":1e300}}`,
		`{"sender":"node-a","message":"connected","args":{"until":"soon"}}`,
		`{"sender":"node-a","message":"data_received","args":{"id":"1","date":1}}`,
		`{"sender":"node-a","message":"data_received","args":{"table":"t","date":1}}`,
		`{"sender":"node-a","message":"data_received","args":{"table":"t","id":{},"date":1}}`,
		`{"sender":"node-a","message":"error","args":{"table":"t","id":"1","date":null}}`,
	} {
		if got, err := wire.ParseInfo([]byte(text)); err == nil || len(err.Error()) > 300 {
			t.Errorf("%s: %+v, %v, want a short error", text, got, err)
		}
	}
}

func TestWrongChangesAreRefusedWithASender(t *testing.T) {
	for text, want := range map[string]wire.Change{
		``:     {},
		`null`: {},
		`[1]`:  {},
		`{"sender":"a b","table":"t","id":"1","date":1,"entity":null}`:                          {Sender: "a b", Table: "t", ID: "1", Date: 1},
		`{"sender":"node-a","id":"1","date":1,"entity":null}`:                                   {Sender: "node-a", ID: "1", Date: 1},
		`{"sender":"node-a","table":"t","date":1,"entity":null}`:                                {Sender: "node-a", Table: "t", Date: 1},
		`{"sender":"node-a","table":"t","id":"1","date":1}`:                                     {Sender: "node-a", Table: "t", ID: "1", Date: 1},
		`{"sender":"node-a","table":"t","id":"1","date":1,"entity":[]}`:                         {Sender: "node-a", Table: "t", ID: "1", Date: 1},
		`{"sender":"node-a","table":"t","id":"1","date":1,"entity":"x"}`:                        {Sender: "node-a", Table: "t", ID: "1", Date: 1},
		`{"sender":"node-a","table":"t","id":"1","date":1,"entity":5}`:                          {Sender: "node-a", Table: "t", ID: "1", Date: 1},
		`{"sender":"node-a","table":5,"id":"1","date":1,"entity":null}`:                         {Sender: "node-a", ID: "1", Date: 1},
		`{"sender":"node-a","table":"` + strings.Repeat("t", 129) + `","id":"1","entity":null}`: {Sender: "node-a", Table: strings.Repeat("t", 129), ID: "1"},
	} {
		got, err := wire.ParseChange([]byte(text))
		if err == nil || len(err.Error()) > 300 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want a short error and %+v", text, got, err, want)
		}
	}
}

func TestErrorsFitExistingPeersTables(t *testing.T) {
	m := wire.Info{Sender: "node-a", Message: wire.Failed, Table: "t", ID: "1", Error: strings.Repeat("😀", 300)}
	got, err := wire.ParseInfo(m.Encode())
	if err != nil || utf8.RuneCountInString(got.Error) != 255 || !strings.HasSuffix(got.Error, "😀…") {
		t.Errorf("an error of 300 characters arrives as %q, %v", got.Error, err)
	}
	for s, want := range map[string]string{"": "", "abc": "abc", "äöü": "äöü", "abcd": "ab…"} {
		if got := wire.Shorten(s, 3); got != want {
			t.Errorf("Shorten(%q, 3) = %q, want %q", s, got, want)
		}
	}
}

// FuzzParseInfo checks that an accepted message keeps its meaning when encoded again.
func FuzzParseInfo(f *testing.F) {
	for name := range infos {
		f.Add(golden(f, "v1", name+".json"))
	}
	f.Add([]byte(`{"sender":"node-a","message":"error","args":{"table":"t","id":-1e2,"date":"2024-05-06T12:53:25Z","message":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := wire.ParseInfo(payload)
		if err != nil {
			return
		}
		again, err := wire.ParseInfo(m.Encode())
		if err != nil || again != m {
			t.Errorf("%q reads as %+v, and is forwarded as %+v, %v", payload, m, again, err)
		}
	})
}

// FuzzParseChange checks that an accepted message can be encoded as the same message.
func FuzzParseChange(f *testing.F) {
	for name := range changes {
		f.Add(golden(f, "v1", name+".json"))
	}
	f.Add([]byte(`{"sender":"script","table":"t","id":1.50,"date":1e3,"entity":{"a":[{}],"a":1e400}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := wire.ParseChange(payload)
		if err != nil {
			return
		}
		sent, err := m.Encode()
		if err != nil {
			t.Fatalf("%q cannot be forwarded: %v", payload, err)
		}
		again, err := wire.ParseChange(sent)
		if err != nil {
			t.Fatalf("%q is forwarded as %q: %v", payload, sent, err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, sent) {
			t.Errorf("%q is forwarded as %q, and then as %q, %v", payload, sent, twice, err)
		}
	})
}

// TestLongNamesAreShortened: answers to a refused change, and logs, contain its table and ID, so these must be short.
func TestLongNamesAreShortened(t *testing.T) {
	long := strings.Repeat("1", 1<<20)
	for _, text := range []string{
		`{"sender":"ab","table":"` + long + `","id":"1","date":1,"entity":null}`,
		`{"sender":"ab","table":"t","id":"` + long + `","date":1,"entity":null}`,
		`{"sender":"ab","table":"t","id":` + long + `,"date":1,"entity":null}`,
		`{"sender":"ab","table":"t","id":"` + long + `","date":"x","entity":null}`,
	} {
		c, err := wire.ParseChange([]byte(text))
		if err == nil || len(err.Error()) > 200 || c.Sender != "ab" || len(c.Table)+len(c.ID) > 1 {
			t.Errorf("%.60s: %.200v of %q, table and id of %d bytes", text, err, c.Sender, len(c.Table)+len(c.ID))
		}
	}
	if n := testing.AllocsPerRun(10, func() { _ = wire.Shorten(long, 64) }); n > 3 || wire.Shorten(long, 3) != "11…" || wire.Shorten("äöü", 3) != "äöü" {
		t.Errorf("shortened in %v allocations to %q, %q", n, wire.Shorten(long, 3), wire.Shorten("äöü", 3))
	}
}
