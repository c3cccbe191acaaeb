package trigger

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestWhatAMemoryCallsUnseen compares how a table was captured with how things stand.
func TestWhatAMemoryCallsUnseen(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
	table, err := schema.Read(t.Context(), db, db.Name, "t")
	if err != nil {
		t.Fatal(err)
	}
	key := []keyColumn{{"id", "int"}}
	had := &memory{Key: key, Triggers: map[string]string{"i": "1", "u": "2"}, ForeignKeys: map[string]string{"f": "3", "g": "4"}}
	for name, test := range map[string]struct {
		now    memory
		key    []keyColumn // that it had; nil is the table's
		missed bool
	}{
		"nothing new":                          {now: memory{key, map[string]string{"i": "1", "u": "2"}, had.ForeignKeys, nil, had.at}},
		"a further trigger":                    {now: memory{Key: key, Triggers: map[string]string{"i": "1", "u": "2", "d": "5"}}},
		"a trigger that was made anew":         {now: memory{Key: key, Triggers: map[string]string{"i": "1", "u": "7"}}, missed: true},
		"a trigger that is missing":            {now: memory{Key: key, Triggers: map[string]string{"i": "1"}}, missed: true},
		"a foreign key that is gone":           {now: memory{Key: key, Triggers: had.Triggers, ForeignKeys: map[string]string{"f": "3"}}},
		"a foreign key that has changed":       {now: memory{Key: key, Triggers: had.Triggers, ForeignKeys: map[string]string{"f": "5"}}, missed: true},
		"a new foreign key":                    {now: memory{Key: key, Triggers: had.Triggers, ForeignKeys: map[string]string{"h": "5"}}, missed: true},
		"a longer key":                         {now: memory{Key: append([]keyColumn{{"n", "int"}}, key...), Triggers: had.Triggers}, missed: true},
		"a key whose column has another type":  {now: memory{Key: []keyColumn{{"id", "varchar"}}, Triggers: had.Triggers}, missed: true},
		"a key whose old column is gone":       {now: memory{Key: key, Triggers: had.Triggers}, key: []keyColumn{{"number", "int"}}},
		"a key whose old column is now no key": {now: memory{Key: key, Triggers: had.Triggers}, key: []keyColumn{{"n", "int"}}, missed: true},
	} {
		before := *had
		if test.key != nil {
			before.Key = test.key
		}
		if got := before.unseen(&test.now, table); (got != "") != test.missed {
			t.Errorf("%s: %q, want missed: %v", name, got, test.missed)
		}
	}
}
