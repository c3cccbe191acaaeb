package trigger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestTriggersAndCodeMakeTheSameKey writes rows in a session with its own settings, and compares
// the key recorded by the trigger with the one made from the row as read, and with the one that
// finds the row again.
func TestTriggersAndCodeMakeTheSameKey(t *testing.T) {
	t.Parallel()
	tests := []struct {
		columns string // key columns, each with its type
		rows    []string
	}{
		{"a INT", []string{"0", "-2147483648", "2147483647"}},
		{"a BIGINT UNSIGNED", []string{"0", "9007199254740993", "18446744073709551615"}},
		{"a INT(8) ZEROFILL", []string{"0", "42"}},
		{"a DECIMAL(10,3)", []string{"0", "-1.5", "1234567.891"}},
		{"a DECIMAL(10,3) ZEROFILL", []string{"0", "1.5"}},
		{"a DECIMAL(65,30)", []string{"12345678901234567890123456789012345.123456789012345678901234567890"}},
		{"a CHAR(9)", []string{"''", "'ab'", "'ab  c '", "'Grüße 😀'"}},
		{"a VARCHAR(9) CHARACTER SET latin1", []string{"''", "'äöü'", "'a,b'", "'\\\\'", "'b '", "'\\0'"}},
		{"a VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", []string{"'a'", "'A'", "'😀'"}},
		{"a ENUM('x','ü,','')", []string{"'x'", "'ü,'", "''"}},
		{"a SET('x','y')", []string{"''", "'y,x'"}},
		{"a BINARY(16)", []string{"X'00'", "X'00112233445566778899AABBCCDDEEFF'", "X'FF000000000000000000000000000000'", "'abc'"}},
		{"a VARBINARY(16)", []string{"X''", "X'00'", "X'61'", "X'6100'", "X'FF2C5C'"}},
		{"a DATE", []string{"'2024-02-29'", "'9999-12-31'"}},
		{"a DATETIME", []string{"'2024-02-29 01:02:03'"}},
		{"a DATETIME(6)", []string{"'2024-02-29 01:02:03'", "'2024-02-29 01:02:03.000001'"}},
		{"a TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", []string{"'2024-07-01 01:02:03'", "'2024-01-01 00:00:00'"}},
		{"a TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)", []string{"'2024-07-01 01:02:03.45'", "'2024-01-01 00:00:00'"}},
		{"a TIME", []string{"'-838:59:59'", "'00:00:00'"}},
		{"a TIME(6)", []string{"'-00:00:01.5'", "'01:02:03'"}},
		{"a YEAR", []string{"1901", "2024", "0"}},
		{"a BIT(1)", []string{"0", "1"}},
		{"a BIT(64)", []string{"5", "0xFFFFFFFFFFFFFFFF"}},
		{"a VARCHAR(9), b VARBINARY(9)", []string{"'', ''", "'a,b', '\\\\,'", "'\\\\', X'FF00'", "'1', ',1'"}},
		{"a INT, b TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, c DECIMAL(4,2)", []string{"1, '2024-07-01 01:02:03', 1.5"}},
		{"b YEAR, a CHAR(3) CHARACTER SET latin1", []string{"0, 'ü,'", "2000, ''"}},
	}
	db := testkit.OwnSchema(t)
	names := make([]string, len(tests))
	for i, test := range tests {
		names[i] = fmt.Sprintf("t%d", i)
		var key []string
		for c := range strings.SplitSeq(test.columns, ", ") {
			key = append(key, c[:1])
		}
		testkit.Exec(t, db, "CREATE TABLE "+names[i]+" ("+test.columns+", PRIMARY KEY ("+strings.Join(key, ", ")+"))")
	}
	tables := install(t, db, names...)
	user, err := users(t, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	testkit.Exec(t, user, "SET time_zone = '+05:30', sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT', NAMES utf8mb4")
	for i, test := range tests {
		for _, row := range test.rows {
			t.Run(test.columns+": "+row, func(t *testing.T) {
				table := tables[i]
				testkit.Exec(t, db, "DELETE FROM "+table.Name, "DELETE FROM table_changes")
				testkit.Exec(t, user, "INSERT INTO "+table.Name+" VALUES ("+row+")")
				recorded := list(t, db, "SELECT primary_key FROM table_changes")
				if len(recorded) != 1 {
					t.Fatalf("recorded %q", recorded)
				}
				values := make([][]byte, len(table.Columns))
				into := make([]any, len(values))
				for c := range values {
					into[c] = &values[c]
				}
				if err := db.QueryRowContext(t.Context(), "SELECT "+table.SelectList()+" FROM "+table.Name).Scan(into...); err != nil {
					t.Fatal(err)
				}
				key, err := table.KeyOf(table.Names(), values)
				if err != nil || key != recorded[0] {
					t.Errorf("the trigger recorded %q, the row as read has %q, %v", recorded[0], key, err)
				}
				id, err := table.ID(key)
				if err != nil {
					t.Fatal(err)
				}
				if back, err := table.ParseID(id); err != nil || back != key {
					t.Errorf("the ID of %q is %q, and that gives %q, %v", key, id, back, err)
				}
				args, err := table.KeyArgs(nil, key)
				if err != nil {
					t.Fatal(err)
				}
				found := list(t, db, "SELECT "+table.KeyExpr("")+" FROM "+mysqldb.Quote(table.Name)+" WHERE "+table.WhereKeys(1), args...)
				if !slices.Equal(found, []string{key}) {
					t.Errorf("%q finds %q", key, found)
				}
			})
		}
	}
}
