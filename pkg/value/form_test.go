package value_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestValuesGetTheFormOfTheirColumn(t *testing.T) {
	object, list := json.RawMessage(`{"name":1}`), json.RawMessage(`[1]`)
	for _, c := range []struct {
		dataType string
		given    any
		want     any // nil: refused
	}{
		{"varchar", object, `{"name":1}`},
		{"varchar", list, `[1]`},
		{"varchar", int64(0), "0"},
		{"varchar", true, "1"},
		{"varchar", 1.5, "1.5"},
		{"varchar", []byte("abc"), "abc"},
		{"varchar", []byte{0xff}, nil},
		{"varchar", "it's", "it's"},
		{"enum", object, `{"name":1}`},
		{"json", object, `{"name":1}`},
		{"json", `"text"`, `"text"`},
		{"int", "17", int64(17)},
		{"int", int64(17), int64(17)},
		{"int", uint64(1 << 63), "9223372036854775808"},
		{"int", false, int64(0)},
		{"int", "A-17", "A-17"},
		{"int", object, nil},
		{"bit", []byte{1, 0}, int64(256)},
		{"double", "1.5", 1.5},
		{"double", int64(2), 2.0},
		{"double", list, nil},
		{"decimal", 12.5, "12.5"},
		{"decimal", "12.50", "12.50"},
		{"decimal", object, nil},
		{"date", object, nil},
		{"datetime", "2024-02-29T23:59:58Z", "2024-02-29T23:59:58Z"},
		{"timestamp", object, nil},
		{"time", int64(5), "5"},
		{"year", "2024", int64(2024)},
		{"blob", "text", []byte("text")},
		{"blob", []byte{0xff}, []byte{0xff}},
		{"blob", object, nil},
		{"point", list, nil},
	} {
		kind, err := value.KindOf(c.dataType)
		if err != nil {
			t.Fatal(err)
		}
		column := value.Column{Name: "c", DataType: c.dataType, Kind: kind}
		got, err := column.Form(c.given, time.UTC)
		if !reflect.DeepEqual(got, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("%v for a %s becomes %#v (%v), want %#v", c.given, c.dataType, got, err, c.want)
		}
		if again, err := column.Form(got, time.UTC); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%#v for a %s does not stay unchanged: %#v (%v)", got, c.dataType, again, err)
		}
	}
}
