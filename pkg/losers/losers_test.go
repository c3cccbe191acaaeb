package losers_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// triggers are the source of the tests' changes in table_changes.
var triggers = trigger.New(zap.NewNop(), nil, trigger.Config{})

const orders = `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100), photo BLOB)`

// side is a version of a row of orders; one without a name is a delete.
func side(time int64, origin, name, photo string) losers.Side {
	s := losers.Side{Version: change.Version{Time: time, Origin: origin}}
	if name != "" {
		s.Columns, s.Values = []string{"id", "name", "photo"}, [][]byte{[]byte("1"), []byte(name), []byte(photo)}
	}
	return s
}

func record(t *testing.T, db *mysqldb.DB, ts *schema.Tables, sides ...[2]losers.Side) {
	t.Helper()
	table, err := ts.Table(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	var entries []losers.Entry
	for _, s := range sides {
		entries = append(entries, losers.Entry{Table: table, Key: "1", Policy: "lastWriteWins", Winner: s[0], Loser: s[1]})
	}
	if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error { return losers.Record(t.Context(), tx, entries) }); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, db *mysqldb.DB, before uint64, limit int) []losers.Kept {
	t.Helper()
	found, err := losers.List(t.Context(), db, losers.Filter{Before: before}, limit)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func row(t *testing.T, db *mysqldb.DB) string {
	t.Helper()
	var rows []string
	if err := db.SelectContext(t.Context(), &rows, `SELECT CONCAT_WS(' ', id, name, HEX(photo)) FROM orders`); err != nil {
		t.Fatal(err)
	}
	return strings.Join(rows, "\n")
}

// A loser is put back as it was: over another row, as a deleted row, and as a delete; a conflict
// that arrives twice is kept once.
func TestALoserIsPutBackAsItWas(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, orders)
	ts := schema.NewTables(db)
	written, deleted := side(1, "berlin", "O'Hara \"é\"\n", "\x00\xff\x1b"), side(2, "boston", "", "")
	record(t, db, ts, [2]losers.Side{deleted, written}, [2]losers.Side{written, deleted})
	record(t, db, ts, [2]losers.Side{deleted, written})
	found := list(t, db, 0, 10)
	if len(found) != 2 || string(found[0].LoserRow) != "null" || found[1].LoserOrigin != "berlin" || found[1].PrimaryKey != "1" || !found[1].PutBack.IsZero() {
		t.Fatalf("kept: %+v", found)
	}
	const want = "1 O'Hara \"é\"\n 00FF1B"
	putBack := func(id uint64, want string) {
		t.Helper()
		if err := losers.PutBack(t.Context(), db, triggers, ts, id, losers.Request{Over: true, Origin: "here"}); err != nil {
			t.Error(err)
		}
		if got := row(t, db); got != want {
			t.Errorf("got row %q, want %q", got, want)
		}
	}
	putBack(found[1].ID, want)
	testkit.Exec(t, db, `UPDATE orders SET name = 'another', photo = NULL`)
	putBack(found[1].ID, want)
	putBack(found[0].ID, "")
	for _, k := range list(t, db, 0, 10) {
		if k.PutBack.IsZero() != (k.Policy == losers.PutBackPolicy) {
			t.Errorf("not recorded: %+v", k)
		}
	}
}

func TestAFailedPutBackChangesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, orders, `INSERT INTO orders VALUES (1, 'stands', NULL)`)
	ts := schema.NewTables(db)
	if err := losers.PutBack(t.Context(), db, triggers, ts, 7, losers.Request{}); !errors.Is(err, losers.ErrNoConflict) {
		t.Errorf("no such conflict: %v", err)
	}
	record(t, db, ts, [2]losers.Side{side(2, "boston", "", ""), side(1, "berlin", "lost", "")})
	testkit.Exec(t, db, `ALTER TABLE orders DROP COLUMN photo`)
	err := losers.PutBack(t.Context(), db, triggers, schema.NewTables(db), list(t, db, 0, 1)[0].ID, losers.Request{Over: true})
	if err == nil || !strings.Contains(err.Error(), "table orders no longer has column photo") {
		t.Errorf("without the column: %v", err)
	}
	var name string
	if err := db.GetContext(t.Context(), &name, `SELECT name FROM orders`); err != nil || name != "stands" {
		t.Errorf("the row is %q, %v", name, err)
	}
	if !list(t, db, 0, 1)[0].PutBack.IsZero() {
		t.Error("recorded as put back")
	}
}

// Promise 10.
func TestAListIsBounded(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, orders)
	ts := schema.NewTables(db)
	var all [][2]losers.Side
	for i := range int64(7) {
		all = append(all, [2]losers.Side{side(i+10, "boston", "", ""), side(i+1, "berlin", strings.Repeat("x", 1<<20), "")})
	}
	record(t, db, ts, all...)
	var got []string
	for before := uint64(0); ; {
		found := list(t, db, before, 100)
		if len(found) == 0 {
			break
		}
		if len(found) > 4 {
			t.Errorf("%d MiB in one list", len(found))
		}
		for _, k := range found {
			got = append(got, fmt.Sprint(k.LoserTime))
		}
		before = found[len(found)-1].ID
	}
	if want := "7 6 5 4 3 2 1"; strings.Join(got, " ") != want {
		t.Errorf("got pages %v, want %s", got, want)
	}
	if found := list(t, db, 0, 2); len(found) != 2 {
		t.Errorf("%d of 2", len(found))
	}
	// A row that somebody changed by hand is shown as text.
	testkit.Exec(t, db, `UPDATE sync_conflicts SET loser_row = '{"no'`)
	if found := list(t, db, 0, 1); string(found[0].LoserRow) != `"{\"no"` {
		t.Errorf("a damaged row is shown as %s", found[0].LoserRow)
	}
}
