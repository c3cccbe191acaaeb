package apply

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWritesMeetNoLocksOnOtherRows: a user locks one row in each of several tables so small that a server would rather
// scan them. Writes to other rows find their rows by key and meet no lock.
func TestWritesMeetNoLocksOnOtherRows(t *testing.T) {
	t.Parallel()
	const rows = 60 // per table; the last one is held
	kinds := []struct{ columns, primary, partitions, form, values string }{
		{"n INT, v INT", "n", "", "%d", "i"},
		{"n INT, m INT, v INT NOT NULL DEFAULT 1", "n, m", "", "%d,7", "i, 7"},
		{"n INT, m INT, v INT", "n, m", "PARTITION BY HASH (n) PARTITIONS 5", "%d,7", "i, 7"},
		{"n INT, m INT, v INT", "n, m", "PARTITION BY HASH (m) PARTITIONS 5", "%d,7", "i, 7"},
		{"n INT, d DATE, v INT", "n, d", "PARTITION BY RANGE (n) (PARTITION a VALUES LESS THAN (20), PARTITION b VALUES LESS THAN MAXVALUE)", "%d,1990-02-03", "i, '1990-02-03'"},
		{"e ENUM('b', 'a'), n INT, v INT", "e, n", "PARTITION BY KEY () PARTITIONS 3", "a,%d", "'a', i"},
		{"s VARCHAR(20) CHARACTER SET latin1, n INT, v INT", "s, n", "", "ö,%d", "'ö', i"},
		{"n DECIMAL(20,2), b VARBINARY(9), t DATETIME(3), s CHAR(5), v INT", "n, b, t, s", "", "%d.00,x,1990-02-03 04:05:06.700,q", "i, 'x', '1990-02-03 04:05:06.7', 'q'"},
		// These have only key columns.
		{"n INT", "n", "", "%d", "i"},
		{"n INT, m INT", "n, m", "PARTITION BY HASH (n) PARTITIONS 5", "%d,7", "i, 7"},
		{"n INT, s VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "s, n", "", "ö,%d", "'ö', i"},
	}
	name := func(i int) string { return fmt.Sprintf("t%02d", i) }
	var ddl []string
	for i, k := range kinds {
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s)) %s", name(i), k.columns, k.primary, k.partitions))
	}
	db := testkit.OwnSchema(t, ddl...)
	tables := schema.NewTables(db)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	a := New(zap.NewNop(), testkit.Shared(t).Connect(t, db.Name), tables, outbox.New(db, tables, stream), triggers, stream, Config{Origin: "node-a", Syncs: func(string) bool { return true }})
	user, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	numbers := "SELECT 1 AS i"
	for n := 2; n <= rows; n++ {
		numbers += fmt.Sprintf(" UNION ALL SELECT %d", n)
	}
	list := make([]*schema.Table, len(kinds))
	for i, k := range kinds {
		if list[i], err = tables.Table(t.Context(), name(i)); err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, user, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM (%s) n", name(i), k.primary, k.values, numbers), "ANALYZE TABLE "+name(i))
	}
	testkit.Exec(t, user, "SET wait_timeout = 600", "BEGIN")
	for i, k := range kinds {
		var q mysqldb.Statement
		if err := list[i].AddSelect(&q, "1", slices.Values([]string{fmt.Sprintf(k.form, rows)}), " FOR UPDATE"); err != nil {
			t.Fatal(err)
		}
		held := 0
		if err := q.Query(t.Context(), user, func(*sql.Rows) error { held++; return nil }); err != nil || held != 1 {
			t.Fatalf("%s: the user locked %d rows, %v", ddl[i], held, err)
		}
	}
	for _, what := range []string{"updates", "deletes"} {
		var changes []Incoming
		for i, k := range kinds {
			for n := 1; n < rows; n++ {
				in := Incoming{From: "node-b"}
				in.Row = change.Row{Table: name(i), Key: fmt.Sprintf(k.form, n)}
				in.State = state(at(change.Micros(time.Now()), "node-b"))
				if what == "updates" {
					if in.Values, err = list[i].KeyValues(in.Key); err != nil {
						t.Fatal(err)
					}
					in.Columns = strings.Split(k.primary, ", ")
					if list[i].Index("v") >= 0 {
						in.Columns, in.Values = append(in.Columns, "v"), append(in.Values, []byte("3"))
					}
				}
				changes = append(changes, in)
			}
		}
		for part := range slices.Chunk(changes, rows-1) { // of one table
			for _, tasks := range rounds(part, make([]Result, len(part))) {
				if err := a.transaction(t.Context(), tasks, plain); err != nil {
					t.Errorf("%s, %s: %v", what, part[0].Table, err)
				}
			}
		}
	}
	testkit.Exec(t, user, "COMMIT")
	for i := range kinds {
		var left int
		if err := db.GetContext(t.Context(), &left, "SELECT COUNT(*) FROM "+name(i)); err != nil || left != 1 {
			t.Errorf("%s: %d rows left, %v; want only the locked one", ddl[i], left, err)
		}
	}
}
