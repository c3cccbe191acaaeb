package schema_test

import (
	"database/sql"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestKeysBetweenOthersAreFound by one range, or it is said that there is no such range.
func TestKeysBetweenOthersAreFound(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	tables := schema.NewTables(db)
	for name, c := range map[string]struct {
		ddl, rows string
		keys      []string
		want      []string // nil: there is no range
	}{
		"between_int":      {"n INT PRIMARY KEY, v INT", "(-5, 0), (2, 0), (9, 0), (10, 0), (11, 0)", []string{"9", "10", "-5"}, []string{"-5", "10", "2", "9"}},
		"between_unsigned": {"n BIGINT UNSIGNED PRIMARY KEY, v INT", "(5, 0), (18446744073709551615, 0)", []string{"5", "18446744073709551615"}, nil},
		"between_one":      {"n BIGINT UNSIGNED PRIMARY KEY, v INT", "(5, 0), (6, 0)", []string{"6"}, []string{"6"}},
		"between_pair":     {"a INT, n INT, v INT, PRIMARY KEY (a, n)", "(1, 1, 0), (2, 3, 0), (2, 5, 0), (3, 4, 0)", []string{"2,1", "2,5"}, []string{"2,3", "2,5"}},
		"between_pairs":    {"a INT, n INT, v INT, PRIMARY KEY (a, n)", "(1, 1, 0), (2, 3, 0)", []string{"1,1", "2,3"}, nil},
		"between_binary":   {"b VARBINARY(9) PRIMARY KEY, v INT", "('a', 0), ('b', 0), (0xFF, 0)", []string{"a\x00", "\xff"}, []string{"b", "\xff"}},
		"between_date":     {"d DATE PRIMARY KEY, v INT", "('2024-02-29', 0), ('2025-01-01', 0)", []string{"2024-12-31", "2024-02-01"}, []string{"2024-02-29"}},
		"between_zero":     {"d DATE PRIMARY KEY, v INT", "('2024-02-29', 0)", []string{"2024-02-29", "0000-00-00"}, nil},
		"between_text":     {"s VARCHAR(9) PRIMARY KEY, v INT", "('a', 0)", []string{"a", "b"}, nil},
		"between_only":     {"n INT PRIMARY KEY", "(1)", []string{"1", "2"}, nil},
		"between_wrong":    {"n INT PRIMARY KEY, v INT", "(1, 0)", []string{"1", "x"}, nil},
		"between_nothing":  {"n INT PRIMARY KEY, v INT", "(1, 0)", nil, nil},
	} {
		testkit.Exec(t, db, "CREATE TABLE "+name+" ("+c.ddl+")", "INSERT INTO "+name+" VALUES "+c.rows)
		table, err := tables.Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		find := func(limit int) (found []string) {
			var q mysqldb.Statement
			if !table.AddBetween(&q, c.keys, limit) {
				if q.Len() > 0 {
					t.Errorf("%s: without a range something was appended", name)
				}
				return nil
			}
			err := q.Query(t.Context(), db, func(r *sql.Rows) error {
				var key string
				err := r.Scan(&key)
				found = append(found, key)
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			slices.Sort(found)
			return found
		}
		if got := find(100); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
		if got := find(1); len(got) != min(1, len(c.want)) {
			t.Errorf("%s: of at most one, found %q", name, got)
		}
	}
}
