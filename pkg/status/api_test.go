package status_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// TestAPIKeysAreStable compares the API's requests and responses with files, since other programs
// use them. Keys may be added, by hand; none is removed or renamed.
func TestAPIKeysAreStable(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		&status.State{}, &status.RowError{}, &status.ConflictNow{}, &status.Comparison{}, &status.Row{}, &status.Afar{}, // responses
		&status.Rows{}, &status.PutBack{}, &status.Resync{}, &status.PauseAsk{}, &status.ResumeAsk{}, &status.Verify{}, &status.Dismiss{}, &status.KeepBoth{}, // requests
	} {
		name := reflect.TypeOf(v).Elem().Name()
		empty, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, reflect.ValueOf(v).Elem(), "")
		filled, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got := string(empty) + "\n" + string(filled) + "\n"
		want, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Error(err)
		}
		if got != string(want) {
			t.Errorf("%s, without values and with all, got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// fill gives every field a value: strings get the field's name, lists one element.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 27, 6, 7, 8, 900_000_000, time.UTC)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"id":1}`)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(7)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"column": "value"}))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), name)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Tag.Get("json") != "-" {
				fill(t, v.Field(i), f.Name)
			}
		}
	default:
		t.Fatalf("%s is a %s", name, v.Kind())
	}
}
