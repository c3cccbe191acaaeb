package trigger

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestMissedChangesAreDetected compares how a table was captured with its current state.
func TestMissedChangesAreDetected(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
	table, err := schema.Read(t.Context(), db, db.Name, "t")
	if err != nil {
		t.Fatal(err)
	}
	key := []keyColumn{{"id", "int"}}
	own := rowTriggers(table, false, nil, false)
	i, u, d := own[0].name, own[1].name, own[2].name
	had := &memory{Key: key, Triggers: map[string]string{i: "1", u: "2"}, ForeignKeys: map[string]string{"f": "3", "g": "4"}}
	for name, test := range map[string]struct {
		now    memory
		key    []keyColumn // previous; nil means the table's
		had    *memory     // nil: had
		missed bool
	}{
		"nothing new":                    {now: memory{key, map[string]string{i: "1", u: "2"}, had.ForeignKeys, nil, "", had.at}},
		"an additional trigger":          {now: memory{Key: key, Triggers: map[string]string{i: "1", u: "2", d: "5"}}},
		"a recreated trigger":            {now: memory{Key: key, Triggers: map[string]string{i: "1", u: "7"}}, missed: true},
		"a missing trigger":              {now: memory{Key: key, Triggers: map[string]string{i: "1"}}, missed: true},
		"a dropped foreign key":          {now: memory{Key: key, Triggers: had.Triggers, ForeignKeys: map[string]string{"f": "3"}}},
		"a changed foreign key":          {now: memory{Key: key, Triggers: had.Triggers, ForeignKeys: map[string]string{"f": "5"}}, missed: true},
		"a new foreign key":              {now: memory{Key: key, Triggers: had.Triggers, ForeignKeys: map[string]string{"h": "5"}}, missed: true},
		"a longer key":                   {now: memory{Key: append([]keyColumn{{"n", "int"}}, key...), Triggers: had.Triggers}, missed: true},
		"a key column with another type": {now: memory{Key: []keyColumn{{"id", "varchar"}}, Triggers: had.Triggers}, missed: true},
		"a dropped key column":           {now: memory{Key: key, Triggers: had.Triggers}, key: []keyColumn{{"number", "int"}}},
		"a column no longer in the key":  {now: memory{Key: key, Triggers: had.Triggers}, key: []keyColumn{{"n", "int"}}, missed: true},
		"none of its triggers before":    {now: *had, had: &memory{Key: key, Triggers: map[string]string{"cascade": "1"}}, missed: true},
	} {
		before := *had
		if test.had != nil {
			before, test.now.Triggers = *test.had, map[string]string{"cascade": "1", i: "1", u: "2"}
		}
		if test.key != nil {
			before.Key = test.key
		}
		if got := before.unseen(&test.now, table, false); (got != "") != test.missed {
			t.Errorf("%s: %q, want missed: %v", name, got, test.missed)
		}
	}
}
