package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []any
		want   string
	}{
		{"a number", []any{int64(1)}, "1"},
		{"its text", []any{"1"}, "1"},
		{"a JSON number", []any{json.Number("1")}, "1"},
		{"with a fraction of only zeros", []any{json.Number("1.00")}, "1"},
		{"with an exponent", []any{json.Number("1e3")}, "1000"},
		{"a fraction", []any{json.Number("1.50")}, "1.5"},
		{"a double", []any{1.5}, "1.5"},
		{"beyond 2^53", []any{"18446744073709551615"}, "18446744073709551615"},
		{"an exponent that would fill the memory", []any{json.Number("1e999999999")}, "1e999999999"},
		{"a 64-bit number", []any{uint64(math.MaxUint64)}, "18446744073709551615"},
		{"a moment", []any{time.Date(2020, 1, 1, 10, 0, 0, 0, time.UTC)}, "2020-01-01T10:00:00.000Z"},
		{"zero", []any{int64(0)}, "0"},
		{"the empty string", []any{""}, "\x00"},
		{"a NUL character", []any{"\x00"}, "\x00\x00"},
		{"two empty parts", []any{"", ""}, ","},
		{"false", []any{false}, "false"},
		{"bytes", []any{[]byte{0, 255}}, "0x00ff"},
		{"bytes as a service returns them", []any{map[string]any{"type": "Buffer", "data": []any{json.Number("0"), json.Number("255")}}}, "0x00ff"},
		{"two parts", []any{"a,b", int64(2)}, `a\,b,2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Key(c.values, false); err != nil || got != c.want {
				t.Errorf("key of %#v: got %q, %v; want %q", c.values, got, err, c.want)
			}
		})
	}
}

func TestKeyIgnoresCase(t *testing.T) {
	for _, pair := range [][2]string{{"A@B.de", "a@b.DE"}, {"STRASSE", "straße"}} {
		a, _ := Key([]any{pair[0]}, true)
		if b, _ := Key([]any{pair[1]}, true); a != b {
			t.Errorf("%q and %q are different keys", pair[0], pair[1])
		}
	}
}

func TestWhatCannotBeAKey(t *testing.T) {
	if _, err := Key([]any{"a", nil}, false); !errors.Is(err, ErrNoKey) {
		t.Errorf("NULL is a key: %v", err)
	}
	for _, v := range []any{math.NaN(), map[string]any{"a": 1}, []any{1}} {
		if k, err := Key([]any{v}, false); err == nil {
			t.Errorf("%v is the key %q", v, k)
		}
	}
}

func TestALongKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		fits  bool
	}{
		{strings.Repeat("é", 4<<10), true},
		{strings.Repeat("é", 4<<10) + "x", false},
		{json.Number("0." + strings.Repeat("1", 8<<10-2)), true},
		{json.Number("0." + strings.Repeat("1", 8<<20)), false},
		{json.Number(strings.Repeat("1", 8<<20) + "e1"), false},
		{bytes.Repeat([]byte{1}, 4<<10), false},
	} {
		key, err := Key([]any{c.value}, false)
		if (err == nil) != c.fits || c.fits == (key == "") {
			t.Errorf("a key of %d bytes: %v", len(key), err)
		}
	}
}

func TestBuilder(t *testing.T) {
	var b Builder
	for _, m := range []struct {
		name  string
		value any
	}{
		{"z", int64(1)}, {"null", nil}, {"big", uint64(math.MaxUint64)}, {"small", int64(-1 << 60)}, {"bytes", []byte{1}},
		{"text", "a\"\\\n\x01é\xff"}, {"json", json.RawMessage(`{"a":1}`)}, {"nan", math.NaN()}, {"f", 0.1}, {"yes", true},
		{"at", time.Date(2024, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600))}, {"exact", time.Date(2024, 1, 2, 3, 4, 5, 6e3, time.UTC)},
	} {
		if err := b.Add(m.name, m.value); err != nil {
			t.Fatal(err)
		}
	}
	got := string(b.Bytes())
	want := `{"z":1,"null":null,"big":"18446744073709551615","small":"-1152921504606846976","bytes":{"type":"Buffer","data":[1]},` +
		`"text":"a\"\\\n\u0001é�","json":{"a":1},"nan":"NaN","f":0.1,"yes":true,"at":"2024-01-02T02:04:05.006Z","exact":"2024-01-02T03:04:05.000006Z"}`
	if got != want {
		t.Errorf("the object is\n%s\nwant\n%s", got, want)
	}
	if got := string(b.Bytes()); got != "{}" {
		t.Errorf("the next object begins as %s", got)
	}
	if err := b.Add("j", json.RawMessage("{")); err == nil {
		t.Error("broken JSON was accepted")
	}
}

func TestMembers(t *testing.T) {
	list, err := Members([]byte(`{"b":1,"a":[2],"b":{"c":3}}`))
	if err != nil || len(list) != 2 || list[0].Name != "b" || string(list[0].Value) != `{"c":3}` || list[1].Name != "a" {
		t.Errorf("the members are %v, %v", list, err)
	}
	for _, text := range []string{``, `[]`, `{`, `{"a"}`, `{} {}`, `null`, `{"a":1`} {
		if list, err := Members([]byte(text)); err == nil {
			t.Errorf("%q has the members %v", text, list)
		}
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"1", "1.0", "1e40", "-0", "-0e1", "1e-41", "1.25e1", "1.25e3", "-12.5e-3", "12e-2", "1e401", "0.30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !json.Valid([]byte(s)) {
			return
		}
		var n json.Number
		if json.Unmarshal([]byte(s), &n) != nil || n == "" {
			return
		}
		once, err := Key([]any{n}, false)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := Key([]any{json.Number(once)}, false); again != once {
			t.Errorf("%s is the key %q, which is the key %q", s, once, again)
		}
		if strings.ContainsAny(once, "eE") { // it stays as it is
			return
		}
		want, _ := new(big.Rat).SetString(n.String())
		if got, ok := new(big.Rat).SetString(once); !ok || want.Cmp(got) != 0 {
			t.Errorf("%s is the key %q", s, once)
		}
	})
}

func TestAKeyIsSplitIntoItsParts(t *testing.T) {
	for _, parts := range [][]string{{"a"}, {""}, {"\x00"}, {"", ""}, {"a,b", "2"}, {`\`, ",", "x"}} {
		values := make([]any, len(parts))
		for i, p := range parts {
			values[i] = p
		}
		key, err := Key(values, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := SplitKey(key, len(parts)); err != nil || !slices.Equal(got, parts) {
			t.Errorf("%q was split into %q, %v", parts, got, err)
		}
	}
	if _, err := SplitKey("a,b", 3); err == nil {
		t.Error("two parts count as three")
	}
}

func TestBytesKeepTheirForm(t *testing.T) {
	data, err := Data(value.Entity{{Name: "b", Value: []byte("A")}, {Name: "n", Value: int64(1)}})
	if err != nil || string(data) != `{"b":{"type":"Buffer","data":[65]},"n":1}` {
		t.Errorf("%s, %v", data, err)
	}
}

// A duplicate name keeps its place and its last value, in an object of any number of members.
func TestMembersOfManyNames(t *testing.T) {
	for _, n := range []int{1, fewMembers - 1, fewMembers, fewMembers + 1, 3 * fewMembers} {
		text := []byte("{")
		for round := range 2 {
			for i := range n {
				text = fmt.Appendf(text, `"c%d":%d,`, i, round)
			}
		}
		text[len(text)-1] = '}'
		list, err := Members(text)
		if err != nil || len(list) != n {
			t.Fatalf("%d of %d members, %v", len(list), n, err)
		}
		for i, m := range list {
			if m.Name != fmt.Sprintf("c%d", i) || string(m.Value) != "1" {
				t.Errorf("member %d of %d is %s: %s", i, n, m.Name, m.Value)
			}
		}
	}
}
