package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// spellings are strings that some collations consider equal and others do not.
var spellings = []string{"", " ", "  ", "bob", "Bob", "BOB", "bób", "bob ", "bob  ", " bob", "bob\t", "bob\u00a0", "b-b", "bb", "ß", "ss", "SS", "æ", "ae", "AE",
	"Å", "A\u030a", "a", "é", "e\u0301", "I", "ı", "i", "İ", "ﬁ", "fi", "😀", "😁", "ｂｏｂ", "σ", "ς", "bob\u200b", "ñ", "n", "ch", "Ch", "c h", "ü", "ue", "Ü", "a,b", "A,B", `\`}

// TestIDsAreEqualIfTheIndexSaysSo compares the IDs of each two spellings with the server's own comparison.
func TestIDsAreEqualIfTheIndexSaysSo(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	collations := []string{"utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_bin", "utf8mb4_german2_ci", "utf8mb3_general_ci",
		"utf16_unicode_ci", "latin1_swedish_ci", "latin1_german2_ci", "latin1_general_cs", "latin1_bin"}
	if db.MariaDB {
		for _, newer := range []string{"utf8mb4_uca1400_ai_ci", "utf8mb4_uca1400_nopad_ai_ci"} {
			if testkit.Shared(t).HasType(newer) {
				collations = append(collations, newer)
			}
		}
		collations = append(collations, "utf8mb4_general_nopad_ci", "utf8mb4_nopad_bin", "utf8mb4_unicode_nopad_ci")
	} else {
		collations = append(collations, "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_ci", "utf8mb4_0900_as_cs", "utf8mb4_0900_bin", "utf8mb4_ja_0900_as_cs_ks")
	}
	for _, collation := range collations {
		charset, _, _ := strings.Cut(collation, "_")
		name := "t_" + collation
		for table, key := range map[string]string{name: "w, n", "x_" + collation: "i"} {
			testkit.Exec(t, db, fmt.Sprintf("CREATE TABLE %s (n INT, i INT, w VARCHAR(40) CHARACTER SET %s COLLATE %s, PRIMARY KEY (%s))", table, charset, collation, key))
		}
		var rows []change.Row
		for i, w := range spellings {
			if _, err := db.Exec("INSERT INTO x_"+collation+" VALUES (1, ?, ?)", i, w); err == nil { // or the character set has no such letter
				rows = append(rows, change.Row{Table: name, Key: strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(w) + ",1"})
			}
		}
		if len(rows) < 20 {
			t.Fatalf("%s holds only %d of the strings", collation, len(rows))
		}
		if err := schema.NewTables(db).Identify(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		var pairs []struct {
			A, B string
			Same bool
		}
		err := db.Select(&pairs, "SELECT CONVERT(a.w USING utf8mb4) AS a, CONVERT(b.w USING utf8mb4) AS b, a.w = b.w AS same FROM x_"+collation+" a, x_"+collation+" b ORDER BY a.i, b.i")
		if err != nil || len(pairs) != len(rows)*len(rows) {
			t.Fatalf("%s: %d pairs of %d strings, %v", collation, len(pairs), len(rows), err)
		}
		for i, p := range pairs {
			if one, other := rows[i/len(rows)], rows[i%len(rows)]; (one.Identity() == other.Identity()) != p.Same {
				t.Errorf("%s: %q and %q are equal: %v, but their IDs are %q and %q", collation, p.A, p.B, p.Same, one.ID(), other.ID())
			}
		}
	}
}

func TestRowsWithBinaryKeysKeepTheirIDs(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE numbers (n INT PRIMARY KEY)", "CREATE TABLE words (w VARBINARY(200) PRIMARY KEY)",
		"CREATE TABLE texts (w VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY)")
	for _, r := range []change.Row{{Table: "numbers", Key: "5"}, {Table: "words", Key: "A "}, {Table: "words", Key: strings.Repeat("a", 100)},
		{Table: "texts", Key: "Ä"}, {Table: "texts", Key: strings.Repeat("a", 100)}, {Table: "missing", Key: "5"}} {
		rows := []change.Row{r}
		if err := schema.NewTables(db).Identify(t.Context(), rows); err != nil || rows[0] != r {
			t.Errorf("%v became %v, %v", r, rows[0], err)
		}
	}
	rows := []change.Row{{Table: "texts", Key: "a "}, {Table: "texts", Key: " "}, {Table: "texts"}}
	if err := schema.NewTables(db).Identify(t.Context(), rows); err != nil || rows[0].ID() != "a" || rows[1].ID() != rows[2].ID() || rows[1].ID() == "" {
		t.Errorf("the IDs are %q, %q and %q, %v", rows[0].ID(), rows[1].ID(), rows[2].ID(), err)
	}
}
