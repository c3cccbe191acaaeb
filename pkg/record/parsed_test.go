package record

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// What needs no decoder is what the decoder makes of it.
func FuzzParsed(f *testing.F) {
	for _, v := range []string{
		`null`, `true`, `false`, `""`, `"a"`, `"a,b"`, `"\\"`, `"\n"`, `"\u00e9"`, `"é"`, "\"\xff\"", `"\ud800"`, `0`, `-0`, `12`, `1.50`, `-1e3`, `18446744073709551615`,
		`[1, "x"]`, `{"b":1,"a":null}`, `{"type":"Buffer","data":[1,255]}`,
	} {
		f.Add([]byte(`{"v":` + v + `}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := Members(data)
		if err != nil {
			return
		}
		for _, m := range members {
			d := json.NewDecoder(bytes.NewReader(m.Value))
			d.UseNumber()
			var want any
			if err := d.Decode(&want); err != nil {
				t.Fatalf("%s is not JSON: %v", m.Value, err)
			}
			if got := Parsed(m.Value); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %#v, want %#v", m.Value, got, want)
			}
		}
	})
}
