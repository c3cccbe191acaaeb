package value_test

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestDecodeEntityReadsWhatPeersSend(t *testing.T) {
	for text, want := range map[string]value.Entity{
		`null`:                                 nil,
		`{}`:                                   {},
		` { "b" : 1, "a":2}`:                   {{"b", int64(1)}, {"a", int64(2)}},
		`{"a":1,"b":2,"a":3}`:                  {{"a", int64(3)}, {"b", int64(2)}},
		`{"a":null,"b":true,"c":false,"d":""}`: {{"a", nil}, {"b", true}, {"c", false}, {"d", ""}},
		`{"a":1.5,"b":1e3,"c":-0.25}`:          {{"a", 1.5}, {"b", 1e3}, {"c", -0.25}},
		`{"a":9007199254740993,"b":18446744073709551615}`: {{"a", int64(9007199254740993)}, {"b", uint64(math.MaxUint64)}},
		`{"a":18446744073709551616,"b":0.1234567890123456789,"c":1e999}`: {
			{"a", "18446744073709551616"}, {"b", "0.1234567890123456789"}, {"c", "1e999"}},
		`{"a":{"type":"Buffer","data":[0,255]},"b":{"type":"Buffer","data":[]}}`: {{"a", []byte{0, 255}}, {"b", []byte{}}},
		`{"a":{"type":"Buffer","data":[256]},"b":{"type":"Buffer"},"c":[1, 2]}`: {
			{"a", json.RawMessage(`{"type":"Buffer","data":[256]}`)}, {"b", json.RawMessage(`{"type":"Buffer"}`)}, {"c", json.RawMessage(`[1, 2]`)}},
		`{"\u00fc\n":"\ud83d\ude00"}`: {{"ü\n", "😀"}},
	} {
		got, err := value.DecodeEntity([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("DecodeEntity(%s) = %#v, %v, want %#v", text, got, err, want)
		}
	}
}

func TestDecodeEntityRefusesInvalidRows(t *testing.T) {
	for _, text := range []string{``, `1`, `"a"`, `[]`, `[{}]`, `true`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{1:2}`, `{"a":nul}`,
		strings.Repeat(`{"a":`, 20_000)} {
		if got, err := value.DecodeEntity([]byte(text)); err == nil {
			t.Errorf("DecodeEntity(%.20s) = %#v, want an error", text, got)
		}
	}
}

func TestAppendJSONWritesFormsThatPeersStoreCorrectly(t *testing.T) {
	entity := value.Entity{
		{"null", nil}, {"bool", true}, {"int", int64(-1)}, {"uint", uint64(math.MaxUint64)}, {"float", 1.5},
		{"text", "a\"b\\ü\n😀"}, {"bytes as text", []byte("abc")}, {"bytes", []byte{0xff, 0}}, {"no bytes", []byte{}},
		{"time", time.Date(2024, 5, 6, 7, 8, 9, 10_000, plusTwo)}, {"nested", json.RawMessage(`{"a":[1]}`)},
	}
	const want = `{"null":null,"bool":true,"int":-1,"uint":18446744073709551615,"float":1.5,` +
		`"text":"a\"b\\ü\n😀","bytes as text":"abc","bytes":{"type":"Buffer","data":[255,0]},"no bytes":"",` +
		`"time":"2024-05-06 05:08:09.000010","nested":{"a":[1]}}`
	got, err := entity.AppendJSON(nil)
	if err != nil || string(got) != want {
		t.Errorf("AppendJSON:\ngot  %s, %v\nwant %s", got, err, want)
	}
	if got, err := value.Entity(nil).AppendJSON([]byte("x")); err != nil || string(got) != "xnull" {
		t.Errorf("a deleted row: %s, %v", got, err)
	}
	if got, err := (value.Entity{{"a", "\xff"}}).AppendJSON(nil); err != nil || !json.Valid(got) {
		t.Errorf("invalid text: %s, %v", got, err)
	}
}

func TestAppendJSONRefusesNonJSONValues(t *testing.T) {
	for _, v := range []any{math.NaN(), math.Inf(1), struct{}{}, 1} {
		got, err := value.Entity{{"the column", v}}.AppendJSON(nil)
		if err == nil || !strings.Contains(err.Error(), "the column") {
			t.Errorf("AppendJSON(%v) = %s, %v, want an error that names the column", v, got, err)
		}
	}
}

func TestEntityFindsItsColumns(t *testing.T) {
	e := value.Entity{{"a", nil}, {"b", int64(1)}}
	if v, ok := e.Value("a"); v != nil || !ok {
		t.Errorf("Value(a) = %v, %v: NULL counts as present", v, ok)
	}
	if v, ok := e.Value("B"); v != nil || ok {
		t.Errorf("Value(B) = %v, %v: names are compared exactly", v, ok)
	}
}

// FuzzDecodeEntity checks that every decoded entity can be forwarded as valid JSON that reads the
// same.
func FuzzDecodeEntity(f *testing.F) {
	for _, text := range []string{`null`, `{}`, `{"a":1,"a":{"type":"Buffer","data":[0,255]}}`, `{"a":[1e5,-0,0.1000000000000000055]}`,
		`{"a":1e400,"b":-0,"c":1E2,"d":123456789012345678901234567890}`, "{\"a\":\"\xff\"}", `{"a":{"type":"Buffer","data":[1e2]}}`, `{"a":"\u2028<>"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entity, err := value.DecodeEntity(text)
		if err != nil {
			return
		}
		sent, err := entity.AppendJSON(nil)
		if err != nil || !json.Valid(sent) {
			t.Fatalf("%q reads as %#v, and is sent as %q, %v", text, entity, sent, err)
		}
		again, err := value.DecodeEntity(sent)
		if err != nil || len(again) != len(entity) {
			t.Fatalf("%q is sent as %q, which reads as %#v, %v", text, sent, again, err)
		}
		twice, err := again.AppendJSON(nil)
		if err != nil || string(twice) != string(sent) {
			t.Errorf("%q is sent as %q, and then as %q, %v", text, sent, twice, err)
		}
	})
}

// FuzzEachMember: what is not valid is no harm, and of what is valid, both ways give the same.
func FuzzEachMember(f *testing.F) {
	for _, text := range []string{`{"a":1,"b":[{"a":"}"}],"a":"x"}`, `{}`, `{"a"`, `{"a":`, `{"a":"`, `{"a":1,`, `{"\u0061":1}`, "{\"\xff\":1}", `[1,"x",[]]`, `[`, `[1`, `{"`, `]`, ``, `{"a":"\`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		last := map[string]string{}
		err := value.EachMember(data, func(name string, raw []byte) error {
			last[name] = string(raw)
			return nil
		})
		if names := slices.Sorted(maps.Keys(last)); err == nil && json.Valid(data) {
			again := map[string]string{}
			if err := value.EachMemberOf(data, names, func(i int, raw []byte) { again[names[i]] = string(raw) }); err != nil || !maps.Equal(last, again) {
				t.Errorf("%s: %v, %v, want %v", data, again, err, last)
			}
		}
		items := 0
		if err := value.EachItem(data, func(raw []byte) error {
			items++
			return nil
		}); json.Valid(data) && data[0] == '[' {
			var list []json.RawMessage
			if json.Unmarshal(data, &list) != nil || err != nil || items != len(list) {
				t.Errorf("%s has %d items, %v, want %d", data, items, err, len(list))
			}
		}
	})
}
