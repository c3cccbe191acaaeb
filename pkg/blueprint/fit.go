package blueprint

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// nearest are the collations that compare as one does which a server may lack, or nearly so, the best first. MySQL and MariaDB
// each have their own for utf8mb4, and MySQL's default is one that MariaDB lacked until 11.4. All keep what the original says of
// case, accents and trailing spaces.
var nearest = map[string][]string{
	"utf8mb4_0900_ai_ci":           {"utf8mb4_uca1400_nopad_ai_ci", "utf8mb4_unicode_520_nopad_ci"},
	"utf8mb4_0900_as_ci":           {"utf8mb4_uca1400_nopad_as_ci"},
	"utf8mb4_0900_as_cs":           {"utf8mb4_uca1400_nopad_as_cs"},
	"utf8mb4_0900_bin":             {"utf8mb4_nopad_bin"},
	"utf8mb4_uca1400_nopad_ai_ci":  {"utf8mb4_0900_ai_ci", "utf8mb4_unicode_520_nopad_ci"},
	"utf8mb4_uca1400_nopad_as_ci":  {"utf8mb4_0900_as_ci"},
	"utf8mb4_uca1400_nopad_as_cs":  {"utf8mb4_0900_as_cs"},
	"utf8mb4_uca1400_ai_ci":        {"utf8mb4_unicode_520_ci"},
	"utf8mb4_unicode_520_nopad_ci": {"utf8mb4_0900_ai_ci"},
	"utf8mb4_nopad_bin":            {"utf8mb4_0900_bin"},
	"utf8mb3_uca1400_ai_ci":        {"utf8mb3_unicode_520_ci", "utf8_unicode_520_ci"},
	"utf8mb3_uca1400_nopad_ai_ci":  {"utf8mb3_unicode_520_nopad_ci"},
}

// The servers' errors for a character set or collation that they do not have.
var unknownText = []int{1115, 1253, 1273}

// Fit makes valid tables such that a server can create them: of a collation that it lacks they get the nearest one that it has,
// which notes say; without one, the table cannot be created.
func Fit(ctx context.Context, db *mysqldb.DB, tables []Table) (notes []string, err error) {
	known := map[string]string{} // by collation, the one to use; "": none
	for i := range tables {
		t := &tables[i]
		if t.Cannot != "" {
			continue
		}
		if err := t.Valid(); err != nil {
			return nil, err
		}
		t.Columns = slices.Clone(t.Columns)
		used := []*string{&t.Collate}
		for j := range t.Columns {
			used = append(used, &t.Columns[j].Collate)
		}
		for _, name := range used {
			if *name == "" {
				continue
			}
			use, asked := known[*name]
			if !asked {
				if use, err = nearestOf(ctx, db, *name); err != nil {
					return nil, err
				}
				if known[*name] = use; use != "" && use != *name {
					notes = append(notes, fmt.Sprintf("this server lacks the collation %s: new tables get %s instead, the nearest one", *name, use))
				}
			}
			if use == "" {
				t.Cannot = "this server lacks its collation " + *name + ", and has none like it"
			}
			*name = use
		}
	}
	return notes, nil
}

// nearestOf returns a collation that the server has: the given one or one like it; "" if there is none.
func nearestOf(ctx context.Context, db *mysqldb.DB, name string) (string, error) {
	for _, c := range append([]string{name}, nearest[name]...) {
		charset, _, _ := strings.Cut(c, "_")
		var is sql.NullString
		err := db.QueryRowContext(ctx, "SELECT COLLATION(CONVERT('' USING "+charset+") COLLATE "+c+")").Scan(&is)
		switch {
		case err == nil:
			return c, nil
		case !slices.Contains(unknownText, mysqldb.Number(err)):
			return "", fmt.Errorf("look for the collation %s: %w", c, err)
		}
	}
	return "", nil
}
