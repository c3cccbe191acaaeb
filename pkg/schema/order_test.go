package schema_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

func TestParentsComeBeforeTheirChildren(t *testing.T) {
	for _, c := range []struct {
		name    string
		tables  []string
		parents map[string][]string
		want    string
	}{
		{"no references", []string{"c", "a", "b"}, nil, "[[c] [a] [b]]"},
		{"a chain, children first by name", []string{"a", "b", "c"}, map[string][]string{"a": {"b"}, "b": {"c"}}, "[[c] [b] [a]]"},
		{"two parents", []string{"a", "b", "c"}, map[string][]string{"a": {"c", "b"}}, "[[c] [b] [a]]"},
		{"a table that refers to itself", []string{"a", "b"}, map[string][]string{"a": {"a", "b"}}, "[[b] [a]]"},
		{"a ring forms one group", []string{"a", "b", "c", "d"}, map[string][]string{"a": {"b"}, "b": {"c", "d"}, "c": {"b"}}, "[[d] [b c] [a]]"},
		{"two rings that meet", []string{"a", "b", "c"}, map[string][]string{"a": {"b", "c"}, "b": {"a"}, "c": {"a"}}, "[[a b c]]"},
		{"a parent that is not synced", []string{"a", "b"}, map[string][]string{"a": {"x", "b"}}, "[[b] [a]]"},
		{"a parent that is not sent does not tie", []string{"a", "b"}, map[string][]string{"a": {"x"}}, "[[a] [b]]"},
	} {
		got := schema.ParentsFirst(c.tables, func(table string) (keys []schema.ForeignKey) {
			for _, p := range c.parents[table] {
				keys = append(keys, schema.ForeignKey{Table: table, RefTable: p})
			}
			return keys
		})
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
}
