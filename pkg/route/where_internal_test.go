package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestThePartOfARemoteIsFoundByAnyType looks for the row that has a label's value, among values that the column cannot have.
func TestThePartOfARemoteIsFoundByAnyType(t *testing.T) {
	t.Parallel()
	columns := []struct{ definition, value, other string }{
		{"INT", "7", "8"}, {"INT(6) ZEROFILL", "7", "8"}, {"BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"}, {"DECIMAL(30,2)", "7", "7.01"},
		{"BIT(9)", "b'100110001'", "b'1'"}, {"YEAR", "2024", "0"}, {"DATE", "'2024-01-02'", "'2024-01-03'"}, {"TIME(1)", "'-10:00:00'", "'10:00:00'"},
		{"DATETIME(3)", "'2024-01-02 03:04:05.678'", "'2024-01-02 03:04:05'"}, {"TIMESTAMP NULL", "'2024-01-02 03:04:05'", "'2024-01-02 03:04:06'"},
		{"VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german2_ci", "'Zürich'", "'zürich'"}, {"VARCHAR(9) CHARACTER SET utf8mb4", "'Łódź '", "'Łódź'"},
		{"CHAR(9) CHARACTER SET ascii COLLATE ascii_bin", `'a''\\'`, "''"}, {"ENUM('2','ł','1') CHARACTER SET latin2", "'1'", "'2'"}, {"SET('p','q') CHARACTER SET latin1", "'p,q'", "'q'"},
	}
	create, one, two := "CREATE TABLE t (id INT PRIMARY KEY", "INSERT INTO t VALUES (1", "INSERT INTO t VALUES (2"
	for i, x := range columns {
		create, one, two = fmt.Sprintf("%s, v%d %s, KEY (v%d)", create, i, x.definition, i), one+", "+x.value, two+", "+x.other
	}
	db := testkit.OwnSchema(t, create+")", one+")", two+")")
	cfg := &config.Config{ClientName: "hub"}
	s := &server{cfg: cfg, db: db, tables: schema.NewTables(db)}
	table := must(s.tables.Table(t.Context(), "t"))
	for i, x := range columns {
		cfg.Routes = map[string]config.Route{"t": {Rules: []config.RouteRule{{Column: fmt.Sprintf("v%d", i), Remote: "store-{value}"}}}}
		found, err := s.values(t.Context(), db, table, []string{"1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, values := range [][]string{{*found["1"][0]}, {"x", "Ł", "😀", "7x", "-", "2024-13-01", *found["1"][0]}, {"nobody"}} {
			where, err := s.Where(t.Context(), "t", [][]string{values})
			var ids []string
			if err == nil {
				err = db.SelectContext(t.Context(), &ids, "SELECT id FROM t WHERE "+where)
			}
			want := "1"
			if values[0] == "nobody" {
				want = ""
			}
			if got := strings.Join(ids, ","); err != nil || got != want {
				t.Errorf("%s: %q finds %q, %v; want %q\n%s", x.definition, values, got, err, want, where)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
