package losers_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestConflictsAreFoundAndDismissed(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, orders)
	ts := schema.NewTables(db)
	for i, names := range [][2]string{{"Miller", "Smith"}, {"Jones", "Mill%er"}, {"Brown q\"r\\s\n√", ""}} {
		record(t, db, ts, [2]losers.Side{side(int64(10*i+2), "boston", names[0], "p"), side(int64(10*i+1), "berlin", names[1], "p")})
	}
	found := func(f losers.Filter) (names []string) {
		t.Helper()
		list, err := losers.List(t.Context(), db, f, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range list {
			row := string(k.WinnerRow)
			names = append(names, row[strings.Index(row, `"name":"`)+8:][:5])
		}
		return names
	}
	wants := func(f losers.Filter, want ...string) {
		t.Helper()
		if got := found(f); !slices.Equal(got, want) {
			t.Errorf("%+v finds %q, want %q", f, got, want)
		}
	}
	wants(losers.Filter{}, "Brown", "Jones", "Mille")
	wants(losers.Filter{Table: "orders", Row: "1"}, "Brown", "Jones", "Mille")
	wants(losers.Filter{Table: "order"})
	wants(losers.Filter{Row: "2"})
	wants(losers.Filter{Find: "Mill"}, "Jones", "Mille")
	wants(losers.Filter{Find: "Mill%"}, "Jones")
	wants(losers.Filter{Find: "' OR 1=1"})
	wants(losers.Filter{Find: "name"})       // a column
	wants(losers.Filter{Find: `"`}, "Brown") // a value, not the quotes around all
	wants(losers.Filter{Find: "q\"r\\s\n√"}, "Brown")
	ids := []uint64{}
	for _, k := range list(t, db, 0, 10) {
		ids = append(ids, k.ID)
	}
	dismiss := func(undo bool, want int64, ids ...uint64) {
		t.Helper()
		if n, err := losers.Dismiss(t.Context(), db, ids, undo); err != nil || n != want {
			t.Errorf("dismiss %v, undo %v: %d, %v, want %d", ids, undo, n, err, want)
		}
	}
	dismiss(false, 2, ids[0], ids[2], 99)
	dismiss(false, 0, ids[0])
	wants(losers.Filter{}, "Jones")
	wants(losers.Filter{Dismissed: true}, "Brown", "Mille")
	wants(losers.Filter{Dismissed: true, Before: ids[0]}, "Mille")
	if all, err := losers.Of(t.Context(), db, change.Row{Table: "orders", Key: "1"}, 10); err != nil || len(all) != 3 || all[0].Dismissed.IsZero() || !all[1].Dismissed.IsZero() {
		t.Errorf("of the row: %+v, %v", all, err)
	}
	dismiss(true, 1, ids[0], ids[1])
	wants(losers.Filter{}, "Brown", "Jones")
}

// Both rows of a conflict are kept: the one that lost gets a new key, by the server or by a person.
func TestBothRowsOfAConflictAreKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table  string
		key    map[string]string
		want   string // its id
		refuse string
	}{
		"numbered by the server":       {"id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), photo BLOB", nil, "8", ""},
		"numbered, but given":          {"id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), photo BLOB", map[string]string{"ID": "77"}, "77", ""},
		"given":                        {"id INT PRIMARY KEY, name VARCHAR(100), photo BLOB", map[string]string{"id": "5"}, "5", ""},
		"not numbered":                 {"id INT PRIMARY KEY, name VARCHAR(100), photo BLOB", nil, "", "give the new key, of id"},
		"taken":                        {"id INT PRIMARY KEY, name VARCHAR(100), photo BLOB", map[string]string{"id": "7"}, "", "another row has it"},
		"no number":                    {"id INT PRIMARY KEY, name VARCHAR(100), photo BLOB", map[string]string{"id": "x"}, "", "cannot be restored"},
		"not of the key":               {"id INT PRIMARY KEY, name VARCHAR(100), photo BLOB", map[string]string{"name": "x"}, "", `"name" is not a column of the key`},
		"another unique value in hand": {"id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), photo BLOB, UNIQUE (photo(5))", nil, "", "one of its unique values"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OwnSchema(t, "CREATE TABLE orders ("+c.table+")", `INSERT INTO orders (id, name, photo) VALUES (1, 'won', 'p'), (7, 'other', 'q')`)
			ts := schema.NewTables(db)
			record(t, db, ts, [2]losers.Side{side(2, "boston", "won", "p"), side(1, "berlin", "lost", "p")})
			id := latest(t, db).ID
			got, err := losers.KeepBoth(t.Context(), db, ts, id, losers.Both{Key: c.key})
			if c.refuse != "" {
				if !errors.Is(err, losers.ErrCannot) || !strings.Contains(err.Error(), c.refuse) || !latest(t, db).PutBack.IsZero() {
					t.Errorf("%q, %v, want %q", got, err, c.refuse)
				}
				return
			}
			var rows []string
			if e := db.SelectContext(t.Context(), &rows, `SELECT CONCAT_WS(' ', id, name, photo) FROM orders ORDER BY id`); e != nil {
				t.Fatal(e)
			}
			if _, err := losers.KeepBoth(t.Context(), db, ts, id, losers.Both{Key: map[string]string{"id": "1000"}}); !errors.Is(err, losers.ErrDecided) {
				t.Errorf("kept twice: %v", err)
			}
			if n := count(t, db); n != 3 {
				t.Errorf("%d rows after a repeated request, want 3", n)
			}
			if as := latest(t, db).InsertedAs; as != c.want {
				t.Errorf("it is said to be inserted as %q, want %q", as, c.want)
			}
			if err != nil || got != c.want || len(rows) != 3 || !strings.Contains(fmt.Sprint(rows), "1 won p") || latest(t, db).PutBack.IsZero() {
				t.Errorf("%q, %v, want %q: %q", got, err, c.want, rows)
			}
		})
	}
	t.Run("binary keys", func(t *testing.T) {
		t.Parallel()
		db := testkit.OwnSchema(t, `CREATE TABLE orders (id BINARY(4) PRIMARY KEY, name VARCHAR(100), photo BLOB)`)
		ts := schema.NewTables(db)
		table, err := ts.Table(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		key := "\x00\xff\x01\x02"
		of := func(time int64, origin, name string) losers.Side {
			s := side(time, origin, name, "p")
			s.Values[0] = []byte(key)
			return s
		}
		if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			return losers.Record(t.Context(), tx, []losers.Entry{{Table: table, Key: key, Policy: "lastWriteWins", Winner: of(2, "boston", "won"), Loser: of(1, "berlin", "lost")}})
		}); err != nil {
			t.Fatal(err)
		}
		id := latest(t, db).ID
		for _, short := range []string{"0xAA", "0xAABBCCDDEE", "x"} {
			if _, err := losers.KeepBoth(t.Context(), db, ts, id, losers.Both{Key: map[string]string{"id": short}}); !errors.Is(err, losers.ErrCannot) {
				t.Errorf("%s: %v", short, err)
			}
		}
		for given, want := range map[string][2]string{"0xFF00AABB": {"0xff00aabb", "FF00AABB"}, "0x61000000": {"a\x00\x00\x00", "61000000"}, "some": {"some", "736F6D65"}} {
			got, err := losers.KeepBoth(t.Context(), db, ts, id, losers.Both{Key: map[string]string{"id": given}, Again: true})
			var there int
			if e := db.GetContext(t.Context(), &there, `SELECT COUNT(*) FROM orders WHERE HEX(id) = ?`, want[1]); e != nil || err != nil || there != 1 || got != want[0] {
				t.Errorf("%s: %q, %v: %d, %v", given, got, err, there, e)
			}
		}
	})
	for name, c := range map[string]struct{ table, column, number, key, want string }{
		"a number of 64 bits":     {"n BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY", "n", "18446744073709551600", "", "18446744073709551601"},
		"a number beside the key": {"code CHAR(5) PRIMARY KEY, n INT AUTO_INCREMENT UNIQUE", "code", "'A-1'", "A-2", "A-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OwnSchema(t, "CREATE TABLE orders ("+c.table+", name VARCHAR(20))", "INSERT INTO orders ("+c.column+", name) VALUES ("+c.number+", 'won')")
			ts := schema.NewTables(db)
			table, err := ts.Table(t.Context(), "orders")
			if err != nil {
				t.Fatal(err)
			}
			var was losers.Side
			if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
				key := strings.Trim(c.number, "'")
				for _, of := range table.Columns {
					was.Columns = append(was.Columns, of.Name)
					was.Values = append(was.Values, []byte(map[string]string{c.column: key, "name": "lost", "n": cmp.Or(map[bool]string{true: key}[c.column == "n"], "1")}[of.Name]))
				}
				was.Version = change.Version{Time: 1, Origin: "berlin"}
				return losers.Record(t.Context(), tx, []losers.Entry{{Table: table, Key: key, Policy: "lastWriteWins", Winner: losers.Side{Version: change.Version{Time: 2, Origin: "boston"}}, Loser: was}})
			}); err != nil {
				t.Fatal(err)
			}
			how := losers.Both{}
			if c.key != "" {
				how.Key = map[string]string{c.column: c.key}
			}
			got, err := losers.KeepBoth(t.Context(), db, ts, latest(t, db).ID, how)
			var there string
			if e := db.GetContext(t.Context(), &there, "SELECT "+c.column+" FROM orders WHERE name = 'lost'"); e != nil || err != nil || got != c.want || there != c.want {
				t.Errorf("%q, %v: %q, %v", got, err, there, e)
			}
		})
	}
	t.Run("a composite key with a number", func(t *testing.T) {
		t.Parallel()
		db := testkit.OwnSchema(t, `CREATE TABLE orders (id INT, name VARCHAR(100), photo BLOB, n INT AUTO_INCREMENT, PRIMARY KEY (n, id))`)
		ts := schema.NewTables(db)
		table, err := ts.Table(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		of := func(time int64, origin, name string) losers.Side {
			s := side(time, origin, name, "p")
			s.Columns, s.Values = append(s.Columns, "n"), append(s.Values, []byte("40"))
			return s
		}
		if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			return losers.Record(t.Context(), tx, []losers.Entry{{Table: table, Key: "40,1", Policy: "lastWriteWins", Winner: of(2, "boston", "won"), Loser: of(1, "berlin", "lost")}})
		}); err != nil {
			t.Fatal(err)
		}
		got, err := losers.KeepBoth(t.Context(), db, ts, latest(t, db).ID, losers.Both{Key: map[string]string{"ID": "5"}})
		if err != nil || got != "1,5" {
			t.Errorf("%q, %v", got, err)
		}
		if got, err = losers.KeepBoth(t.Context(), db, ts, latest(t, db).ID, losers.Both{Again: true}); err != nil || got != "2,1" {
			t.Errorf("again: %q, %v", got, err)
		}
	})
	t.Run("a delete", func(t *testing.T) {
		t.Parallel()
		db := testkit.OwnSchema(t, orders, `INSERT INTO orders VALUES (1, 'won', NULL)`)
		ts := schema.NewTables(db)
		record(t, db, ts, [2]losers.Side{side(2, "boston", "won", ""), side(1, "berlin", "", "")})
		if _, err := losers.KeepBoth(t.Context(), db, ts, latest(t, db).ID, losers.Both{Key: map[string]string{"id": "2"}}); !errors.Is(err, losers.ErrCannot) {
			t.Errorf("%v", err)
		}
		if _, err := losers.KeepBoth(t.Context(), db, ts, 99, losers.Both{}); !errors.Is(err, losers.ErrNoConflict) {
			t.Errorf("%v", err)
		}
	})
}

func count(t *testing.T, db *mysqldb.DB) (n int) {
	t.Helper()
	if err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM orders`); err != nil {
		t.Fatal(err)
	}
	return n
}
