package trigger_test

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAnUpdateThatIsIgnoredCountsNothing, whatever types the table's columns have: the row is found to be as it was.
func TestAnUpdateThatIsIgnoredCountsNothing(t *testing.T) {
	t.Parallel()
	var create, values []string
	for i, of := range []string{"INT 5", "DECIMAL(65,30) 1.5", "FLOAT 1.1234567", "DOUBLE 0.1", "BIT(9) b'1'", "VARCHAR(20) 'Bob'", "TEXT 'x '", "VARCHAR(9)CHARACTER/**/SET/**/latin1 'é'",
		"CHAR(5) 'x'", "BLOB x'00'", "BINARY(3) x'00'", "ENUM('a','b') 'b'", "SET('a','b') 'a,b'", `JSON '{"a":1}'`, "POINT ST_GeomFromText('POINT(1 2)')", "DATE '2024-01-01'",
		"TIMESTAMP(6)NULL '2024-01-01 00:00:00.000001'", "TIMESTAMP(3)NULL '2024-10-27 00:30:00.5'", "TIMESTAMP '2024-01-01'", "DATETIME(6) '2024-01-01 00:00:00.5'", "YEAR 2000",
		"TIME(6) '-00:00:01.5'"} {
		kind, value, _ := strings.Cut(of, " ")
		create, values = append(create, fmt.Sprintf("c%d %s", i, kind)), append(values, value)
	}
	db := testkit.OwnSchema(t, "CREATE TABLE parts (id INT PRIMARY KEY, place INT UNIQUE, n INT, "+strings.Join(create, ", ")+")")
	parts, err := schema.NewTables(db).Table(t.Context(), "parts")
	if err != nil {
		t.Fatal(err)
	}
	source := trigger.New(zap.NewNop(), db, trigger.Config{Details: func(string) bool { return true }, Counters: func(string) []string { return []string{"n"} }})
	if err := source.Arm(t.Context(), []*schema.Table{parts}, nil); err != nil {
		t.Fatal(err)
	}
	row := ", 10, " + strings.Join(values, ", ") + ")"
	testkit.Exec(t, db, "INSERT INTO parts VALUES (1, 1"+row+", (2, 2"+row, "DELETE FROM table_changes", "UPDATE IGNORE parts SET place = 2, n = n - 1 WHERE id = 1")
	if got := list(t, db, "SELECT detail FROM table_changes"); len(got) > 0 {
		t.Errorf("recorded %q, though nothing was written", got)
	}
}

// TestEachTypesChangeIsRecorded changes one column after the other, of all types, and expects the source to name it.
func TestEachTypesChangeIsRecorded(t *testing.T) {
	t.Parallel()
	changes := []struct{ column, kind, from, to string }{
		{"i", "INT UNSIGNED", "5", "3"}, {"d", "DECIMAL(65,30)", "1", "1.000000000000000000000000000001"}, {"f", "FLOAT", "1.5", "1.25"}, {"g", "DOUBLE", "1", "NULL"},
		{"b", "BIT(9)", "b'1'", "b'101'"}, {"t", "VARCHAR(20)", "'bob'", "'Bob'"}, {"s", "TEXT", "'x'", "'x '"}, {"l", "VARCHAR(9) CHARACTER SET latin1", "'e'", "'é'"},
		{"x", "BLOB", "x'00'", "x''"}, {"e", "ENUM('a','A ,b')", "'a'", "'A ,b'"}, {"m", "SET('a','b')", "'a'", "'a,b'"}, {"j", "JSON", `'{"a": "x"}'`, `'{"a": "X"}'`},
		{"p", "POINT", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(1 3)')"}, {"k", "DATE", "'2024-01-01'", "'2024-01-02'"}, {"z", "TIMESTAMP(6) NULL", "'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00.000002'"},
		{"y", "YEAR", "2000", "2001"}, {"h", "TIME(6)", "'-00:00:01'", "'00:00:01'"}, {"ä, 'q %", "INT", "1", "2"},
	}
	var create, names, from []string
	for _, c := range changes {
		create, names, from = append(create, "`"+c.column+"` "+c.kind), append(names, "`"+c.column+"`"), append(from, c.from)
	}
	db := testkit.OwnSchema(t, "CREATE TABLE parts (id INT PRIMARY KEY, "+strings.Join(create, ", ")+", computed INT AS (i + 1))")
	parts, err := schema.NewTables(db).Table(t.Context(), "parts")
	if err != nil {
		t.Fatal(err)
	}
	source := trigger.New(zap.NewNop(), db, trigger.Config{Details: func(string) bool { return true }})
	if err := source.Arm(t.Context(), []*schema.Table{parts}, nil); err != nil {
		t.Fatal(err)
	}
	writer := testkit.Shared(t).Open(t, db.Name)
	writer.MustExec("INSERT INTO parts (id, " + strings.Join(names, ", ") + ") VALUES (1, " + strings.Join(from, ", ") + ")")
	for _, c := range changes {
		writer.MustExec("DELETE FROM table_changes")
		writer.MustExec("UPDATE parts SET `" + c.column + "` = " + c.to)
		writer.MustExec("UPDATE parts SET `" + c.column + "` = " + c.to)
		found, err := capture.Uncaptured(t.Context(), db, source, "parts", []string{"1"})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(c.column, "``", "`")
		if list := found["1"]; len(list) != 2 || len(list[0].Changed) != 1 || list[0].Changed[0] != want || list[1].Changed == nil || len(list[1].Changed) > 0 {
			t.Errorf("%s to %s: recorded %+v", c.column, c.to, list)
		}
	}
	writer.MustExec("DELETE FROM table_changes")
	for _, q := range []string{"UPDATE parts SET i = 9", "UPDATE parts SET t = 'x'"} {
		writer.MustExec(q)
	}
	both, _ := capture.Uncaptured(t.Context(), db, source, "parts", []string{"1"})
	if got := capture.Changed(both["1"]); len(got) != 2 {
		t.Errorf("two writes changed %q", got)
	}
	writer.MustExec("DELETE FROM parts")
	all, _ := capture.Uncaptured(t.Context(), db, source, "parts", []string{"1"})
	if got := capture.Changed(all["1"]); got != nil {
		t.Errorf("with a delete they changed %q", got)
	}
}
