package blueprint_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/blueprint"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// simple is a table with a key of a text.
func simple(name, collation string, more ...blueprint.Column) blueprint.Table {
	return blueprint.Table{Name: name, Charset: "utf8mb4", Collate: collation, Columns: append([]blueprint.Column{{Name: "id", Type: "varchar(40)"}}, more...),
		Indexes: []blueprint.Index{{Name: "PRIMARY", Fields: []blueprint.Part{{Column: "id"}}}}}
}

// MySQL and MariaDB each have collations, names of types and defaults that the other lacks. Tables come over all the same, with the
// collation that is nearest, and it is said.
func TestTablesOfTheOtherServerAreCreated(t *testing.T) {
	t.Parallel()
	text := "it's"
	tables := []blueprint.Table{
		simple("a", "utf8mb4_0900_ai_ci"), simple("b", "utf8mb4_uca1400_ai_ci"),
		simple("c", "utf8mb4_general_ci", blueprint.Column{Name: "d", Type: "varchar(9)", Charset: "utf8mb4", Collate: "utf8mb4_0900_ai_ci"}, blueprint.Column{Name: "e", Type: "varchar(9)", Charset: "utf8mb4", Collate: "utf8mb4_uca1400_ai_ci"}),
		simple("f", "utf8mb4_bin", blueprint.Column{Name: "g", Type: "geomcollection", Null: true}, blueprint.Column{Name: "h", Type: "text", Default: &text}, blueprint.Column{Name: "i", Type: "mediumblob", Default: &text}),
	}
	db := testkit.OwnSchema(t)
	notes, err := blueprint.Fit(t.Context(), db, tables)
	if err != nil {
		t.Fatal(err)
	}
	if err := blueprint.Create(t.Context(), db, tables); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(notes, "\n"); !db.MariaDB && (len(notes) != 1 || !strings.Contains(said, "lacks the collation utf8mb4_uca1400_ai_ci: new tables get utf8mb4_unicode_520_ci instead")) || len(notes) > 2 {
		t.Error(said)
	}
	for name, same := range map[string][]string{"a": {"'bob' = 'BOB'", "'e' = 'é'", "'a' <> 'a '"}, "b": {"'bob' = 'BOB'", "'e' = 'é'", "'a' = 'a '"}} {
		for _, test := range same {
			one, op, other := strings.Fields(test)[0], strings.Fields(test)[1], test[strings.LastIndex(test, "= ")+len("= "):]
			if op == "<>" {
				other = test[strings.LastIndex(test, "> ")+len("> "):]
			}
			if _, err := db.ExecContext(t.Context(), "REPLACE INTO "+name+" VALUES ("+one+")"); err != nil {
				t.Fatal(err)
			}
			var found int
			if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+name+" WHERE id = "+other).Scan(&found); err != nil || (found == 1) != (op == "=") {
				t.Errorf("%s, in %s: %d, %v", test, name, found, err)
			}
		}
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO f (id) VALUES ('x')"); err != nil {
		t.Fatal(err)
	}
	var h, i string
	if err := db.QueryRowContext(t.Context(), "SELECT h, i FROM f").Scan(&h, &i); err != nil || h != text || i != text {
		t.Errorf("%q, %q, %v", h, i, err)
	}
}

// What a server cannot have is named, all at once, and keeps no other table from being created.
func TestRefusedTablesAreNamed(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	parts := blueprint.Column{Name: "d", Type: "decimal(10,20)"} // more digits after the point than in all
	tables := []blueprint.Table{simple("odd", "utf8mb4_general_ci", parts), simple("other", "utf8mb4_klingon_ci"), simple("fine", "utf8mb4_general_ci"), simple("odd2", "utf8mb4_general_ci", parts)}
	if _, err := blueprint.Fit(t.Context(), db, tables); err != nil {
		t.Fatal(err)
	}
	if want := "this server lacks its collation utf8mb4_klingon_ci"; !strings.Contains(tables[1].Cannot, want) {
		t.Errorf("%q, want %q", tables[1].Cannot, want)
	}
	err := blueprint.Create(t.Context(), db, append(tables[:1:1], tables[2:]...))
	for _, want := range []string{"table odd has to be created by hand: this server refuses its definition: ", "table odd2 has to be created by hand"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if !strings.HasPrefix(shown(t, db, "fine"), "CREATE TABLE") {
		t.Error("a table is missing")
	}
}
