package apply

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// lacking returns rows of a first transfer with these numbers, by a function that makes the values of one.
func (r *receiver) lacking(table string, from, to int, values func(i int) []any) (list []Incoming) {
	for i := from; i <= to; i++ {
		in := r.row(table, values(i)...)
		in.OnlyMissing, in.State = true, change.State{Version: at(change.Baseline, "node-b")}
		list = append(list, in)
	}
	return list
}

func numbered(i int) []any { return []any{i, 1} }

// TestRowsOfAFirstTransferAreNotLookedUpOneByOne where there are none, neither they nor local writes of them; but each is where an insert
// would wait for a lock.
func TestRowsOfAFirstTransferAreNotLookedUpOneByOne(t *testing.T) {
	t.Parallel()
	const rows = 500
	r := newReceiver(t, Config{}, `CREATE TABLE items (id BIGINT PRIMARY KEY, v INT)`)
	s := r.Applier.db.(*server)
	s.db.SetMaxOpenConns(1) // its counters show what the server read
	read := func() (n int) {
		err := mysqldb.Each(t.Context(), s.db, `SHOW SESSION STATUS LIKE 'Handler_read_key'`, nil, func(r *sql.Rows) error {
			var name string
			var value int
			err := r.Scan(&name, &value)
			n += value
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	r.apply(r.lacking("items", 1, rows, numbered)...) // the definition is known then
	before := read()
	if n := r.apply(r.lacking("items", 1001, 1000+rows, numbered)...); n > 0 {
		t.Fatalf("%d rows wait", n)
	}
	if n := read() - before; s.Locks().Waits && n < rows || !s.Locks().Waits && n > rows/10 {
		t.Errorf("the server looked up %d rows for %d new ones", n, rows)
	}
	r.expect(`SELECT COUNT(*) FROM items`, 2*rows)
	r.expect(`SELECT COUNT(*) FROM sync_versions`, 2*rows)
}

// TestAFirstTransferOverwritesNothing of what is there, whatever the key: few rows, many, or none.
func TestAFirstTransferOverwritesNothing(t *testing.T) {
	t.Parallel()
	const rows = 200
	for columns, values := range map[string]func(i int) []any{
		"id BIGINT, v INT, PRIMARY KEY (id)":                                                numbered,
		"w INT, id INT, v INT, PRIMARY KEY (w, id)":                                         func(i int) []any { return []any{7, i, 1} },
		"w INT, d DATE, id INT, v INT, PRIMARY KEY (w, d, id)":                              func(i int) []any { return []any{i % 3, "2026-02-03", i, 1} },
		"k VARBINARY(20), v INT, PRIMARY KEY (k)":                                           func(i int) []any { return []any{fmt.Sprint("'", i), 1} },
		"k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT": func(i int) []any { return []any{fmt.Sprint("ä", i), 1} },
	} {
		for there := range map[int]bool{0: true, 20: true, 150: true} {
			t.Run(fmt.Sprint(columns, " ", there), func(t *testing.T) {
				t.Parallel()
				r := newReceiver(t, Config{}, "CREATE TABLE items ("+columns+", mark INT NOT NULL DEFAULT 0)")
				var own []Incoming
				for i := range there {
					own = append(own, r.row("items", values(2*i)...))
				}
				if n := r.apply(own...); n > 0 {
					t.Fatalf("%d rows wait", n)
				}
				testkit.Exec(t, r.db, `UPDATE items SET mark = 1`)
				if n := r.apply(r.lacking("items", 0, rows-1, values)...); n > 0 {
					t.Fatalf("%d rows wait", n)
				}
				beyond := max(0, 2*there-rows) / 2 // of the own ones
				r.expect(`SELECT COUNT(*) FROM items`, rows+beyond)
				r.expect(`SELECT COUNT(*) FROM items WHERE mark = 1`, there)
				r.expect(`SELECT COUNT(*) FROM sync_versions`, rows+beyond)
			})
		}
	}
}

// TestAFirstTransferMeetsWhatUsersDo: a row that someone is inserting waits alone, and one that someone has deleted here does not
// come back.
func TestAFirstTransferMeetsWhatUsersDo(t *testing.T) {
	t.Parallel()
	const rows = 200
	r := newReceiver(t, Config{}, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`)
	testkit.Exec(t, r.db, `INSERT INTO table_changes (table_name, primary_key, date, origin) VALUES ('items', '7', UTC_TIMESTAMP(6), NULL)`)
	release := r.somebody(`BEGIN`, `INSERT INTO items VALUES (31, 5)`)
	r.apply(r.lacking("items", 1, rows, numbered)...)
	r.expect(`SELECT COUNT(*) FROM items WHERE id NOT IN (7, 31) AND v = 1`, rows-2)
	r.expect(`SELECT COUNT(*) FROM items`, rows-2)
	release()
	r.until(`SELECT v FROM items WHERE id = 31`, 1)
	r.expect(`SELECT COUNT(*) FROM items`, rows-1)
}
