package diff

import (
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

func TestF10Compare(t *testing.T) {
	for _, c := range []struct {
		name         string
		by           Compare
		theirs, ours string
		same         bool
	}{
		{"a number and its string", Compare{}, `{"a":"1"}`, `{"a":1}`, true},
		{"a decimal with trailing zeros", Compare{}, `{"a":1.50}`, `{"a":1.5}`, true},
		{"null and missing", Compare{}, `{}`, `{"a":null}`, true},
		{"null and the empty string", Compare{}, `{"a":""}`, `{"a":null}`, false},
		{"objects in another order", Compare{}, `{"a":{"x":1,"y":[2]}}`, `{"a":{"y":[2],"x":1}}`, true},
		{"lists in another order", Compare{}, `{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{"the string null and null", Compare{}, `{"a":"null"}`, `{"a":null}`, false},
		{"an earlier time", Compare{Different, "t"}, `{"t":"2024-01-02T00:00:00.000Z"}`, `{"t":"2024-01-01T00:00:00.000Z"}`, false},
		{"an earlier time, by newer", Compare{Newer, "t"}, `{"t":"2024-01-02T00:00:00.000Z"}`, `{"t":"2024-01-01T00:00:00.000Z"}`, true},
		{"a later time, by newer", Compare{Newer, "t"}, `{"t":"2024-01-01T00:00:00.000Z"}`, `{"t":"2024-01-01T00:00:00.001Z"}`, false},
		{"the same time in another format", Compare{Different, "t"}, `{"t":"2024-01-01 01:00:00+01:00"}`, `{"t":"2024-01-01T00:00:00.000Z"}`, true},
		{"a time in milliseconds", Compare{Different, "t"}, `{"t":1704067200000}`, `{"t":"2024-01-01T00:00:00.000Z"}`, true},
		{"not a time", Compare{Different, "t"}, `{"t":"soon"}`, `{"t":"later"}`, false},
		{"a time that the destination lacks", Compare{Newer, "t"}, `{}`, `{"t":"2024-01-01T00:00:00.000Z"}`, false},
		{"a changed row without a timestamp", Compare{Different, "t"}, `{"t":null,"a":1}`, `{"t":null,"a":2}`, false},
		{"an unchanged row without a timestamp", Compare{Newer, "t"}, `{"a":1}`, `{"t":null,"a":1}`, true},
		{"a row that has lost its timestamp", Compare{Newer, "t"}, `{"t":"2024-01-01T00:00:00.000Z"}`, `{"t":null}`, false},
		{"other columns differ, by a timestamp", Compare{Different, "t"}, `{"t":"x","a":1}`, `{"t":"x","a":2}`, true},
		{"columns that only the destination has", Compare{}, `{"a":1,"z":2}`, `{"a":1}`, true},
		{"a name that runs into a value", Compare{}, `{"a":"1","b":"2"}`, `{"a":"1b2","b":null}`, false},
		{"before 1970", Compare{Newer, "t"}, `{"t":"1969-12-31T00:00:00Z"}`, `{"t":"1970-01-02T00:00:00Z"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			columns := columnsOf(t, c.ours)
			theirs, err := c.by.Fingerprint(columns, []byte(c.theirs))
			if err != nil {
				t.Fatal(err)
			}
			ours, err := c.by.Fingerprint(columns, []byte(c.ours))
			if err != nil {
				t.Fatal(err)
			}
			same := ours == theirs
			if c.by.Rule == Newer {
				same = !Later(ours, theirs)
			}
			if same != c.same {
				t.Errorf("the same: %v", same)
			}
		})
	}
}

func columnsOf(t *testing.T, data string) []string {
	t.Helper()
	list, err := record.Members([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name                      string
		read, bad, missing, known int
		asks                      bool
	}{
		{"nothing is missing", 0, 0, 0, 0, false},
		{"an empty result", 0, 0, 1, 1, true},
		{"few of few", 1, 0, 19, 20, false},
		{"twenty of twenty-one", 1, 0, 20, 21, false},
		{"more than twenty, and more than a fifth", 79, 0, 21, 100, true},
		{"more than twenty of many", 979, 0, 21, 1000, false},
		{"exactly a fifth", 400, 0, 100, 500, false},
		{"one, next to a bad row", 20, 1, 1, 20, true},
		{"bad rows alone", 20, 1, 0, 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if why := DefaultGuard.Allows(c.read, c.bad, c.missing, c.known); (why != "") != c.asks {
				t.Errorf("guard: %q", why)
			}
			if why := (Guard{Off: true}).Allows(c.read, c.bad, c.missing, c.known); why != "" {
				t.Errorf("guard after approval: %q", why)
			}
		})
	}
}
