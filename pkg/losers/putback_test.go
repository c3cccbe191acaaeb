package losers_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// latest returns the latest kept conflict.
func latest(t *testing.T, db *mysqldb.DB) losers.Kept {
	t.Helper()
	return list(t, db, 0, 1)[0]
}

// A row overwritten by a put-back is kept and can be put back itself; a row that nobody has seen is
// never overwritten.
func TestARowOverwrittenByAPutBackIsKept(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, orders, `INSERT INTO orders VALUES (1, 'won', NULL)`)
	ts := schema.NewTables(db)
	won := side(2, "boston", "won", "")
	won.Values[2] = nil
	record(t, db, ts, [2]losers.Side{won, side(1, "berlin", "lost", "p")})
	id := latest(t, db).ID
	try := func(id uint64, r losers.Request, wanted error, want string) {
		t.Helper()
		r.Origin = "here"
		if err := losers.PutBack(t.Context(), db, triggers, ts, id, r); !errors.Is(err, wanted) {
			t.Errorf("%+v: got %v, want %v", r, err, wanted)
		}
		if got := row(t, db); got != want {
			t.Errorf("%+v: got row %q, want %q", r, got, want)
		}
	}
	look := func(later bool) string {
		t.Helper()
		_, now, err := losers.Look(t.Context(), db, ts, id)
		if err != nil || now.Later != later {
			t.Errorf("row %+v, %v", now, err)
		}
		return now.Seen
	}
	old := look(false)
	testkit.Exec(t, db, `UPDATE orders SET name = 'later'`)
	seen := look(true)
	try(id, losers.Request{}, losers.ErrLater, "1 later")
	try(id, losers.Request{Seen: old}, losers.ErrChanged, "1 later")
	try(id, losers.Request{Seen: old, Over: true}, losers.ErrChanged, "1 later")
	try(id, losers.Request{Seen: seen, Columns: []string{"nothing"}}, losers.ErrCannot, "1 later")
	try(id, losers.Request{Seen: seen, Columns: []string{"Photo", "PHOTO"}}, nil, "1 later 70")
	over := latest(t, db)
	if over.Policy != losers.PutBackPolicy || string(over.LoserRow) != `{"id":"1","name":"later","photo":null}` || !strings.Contains(string(over.WinnerRow), `"later"`) {
		t.Errorf("kept: %s over %s, %s", over.WinnerRow, over.LoserRow, over.Policy)
	}
	try(over.ID, losers.Request{}, nil, "1 later")
	testkit.Exec(t, db, `DELETE FROM orders`)
	try(id, losers.Request{Over: true, Columns: []string{"name"}}, losers.ErrCannot, "")
	try(id, losers.Request{Over: true}, nil, "1 lost 70")
	gone := latest(t, db)
	if string(gone.LoserRow) != "null" {
		t.Errorf("kept: %s", gone.LoserRow)
	}
	try(gone.ID, losers.Request{}, nil, "")
	testkit.Exec(t, db, "ALTER TABLE orders CHANGE photo Photo BLOB, CHANGE name NAME VARCHAR(100)") // the previously kept row has the old spelling
	try(latest(t, db).ID, losers.Request{}, nil, "1 lost 70")
	try(id, losers.Request{Over: true}, nil, "1 lost 70") // it is already so: nothing is overwritten
	n := len(list(t, db, 0, 100))
	try(id, losers.Request{Over: true}, nil, "1 lost 70")
	if now := len(list(t, db, 0, 100)); now != n {
		t.Errorf("%d conflicts became %d", n, now)
	}
}

// Obstacles to a put-back are reported, and nothing changes.
func TestObstaclesToAPutBack(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `CREATE TABLE shops (id INT PRIMARY KEY)`, `INSERT INTO shops VALUES (7)`,
		`CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100) UNIQUE, photo BLOB, shop INT, parent INT, FOREIGN KEY (shop) REFERENCES shops (id),
			FOREIGN KEY (parent) REFERENCES orders (id) ON DELETE SET NULL)`,
		`CREATE TABLE items (id INT PRIMARY KEY, ord INT, FOREIGN KEY (ord) REFERENCES orders (id) ON DELETE CASCADE)`,
		`INSERT INTO orders VALUES (1, 'stands', NULL, NULL, 1), (2, 'taken', NULL, NULL, NULL)`, `INSERT INTO items VALUES (1, 1)`)
	ts := schema.NewTables(db)
	stands := `1 stands
2 taken`
	child := side(3, "berlin", "child", "")
	child.Columns, child.Values = append(child.Columns, "shop"), append(child.Values, []byte("8"))
	long := side(4, "berlin", strings.Repeat("x", 101), "")
	for name, test := range map[string]struct {
		lost losers.Side
		says string
	}{
		"a unique value": {side(5, "berlin", "taken", ""), "another row has the unique value"},
		"a parent":       {child, "its parent row is missing"},
		"children":       {side(6, "berlin", "", ""), "rows of items still refer to the row"},
		"a length":       {long, "the table rejects it"},
	} {
		record(t, db, ts, [2]losers.Side{side(9, "boston", "stands", ""), test.lost})
		err := losers.PutBack(t.Context(), db, triggers, ts, latest(t, db).ID, losers.Request{Over: true})
		if !errors.Is(err, losers.ErrCannot) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if got := row(t, db); got != stands {
			t.Errorf("%s: rows %q", name, got)
		}
	}
	testkit.Exec(t, db, `DELETE FROM items`)
	record(t, db, ts, [2]losers.Side{side(9, "boston", "stands", ""), side(7, "berlin", "", "")})
	if err := losers.PutBack(t.Context(), db, triggers, ts, latest(t, db).ID, losers.Request{Over: true}); err != nil || row(t, db) != "2 taken" {
		t.Errorf("a row that only refers to itself: %v", err)
	}
	testkit.Exec(t, db, `SET FOREIGN_KEY_CHECKS = 0`, `DROP TABLE items`, `DROP TABLE orders`)
	if _, _, err := losers.Look(t.Context(), db, ts, latest(t, db).ID); !errors.Is(err, losers.ErrCannot) {
		t.Errorf("without the table: %v", err)
	}
}

// TestAnUncapturedWriteIsKeptUnderItsTime: the overwritten row has the version that capture would
// have given it, whether it exists or not.
func TestAnUncapturedWriteIsKeptUnderItsTime(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]string{"a row": `INSERT INTO orders VALUES (1, 'mine', NULL)`, "a delete": `DELETE FROM orders`} {
		db := testkit.OwnSchema(t, orders, rows, `INSERT INTO table_changes (table_name, primary_key, date) VALUES
			('orders', '1', '2026-01-02 03:04:05.000006'), ('orders', '1', '2026-01-02 03:04:06.000007'), ('orders', '2', '2026-01-02 03:04:07')`)
		ts := schema.NewTables(db)
		record(t, db, ts, [2]losers.Side{side(2, "boston", "won", ""), side(1, "berlin", "lost", "")})
		if err := losers.PutBack(t.Context(), db, triggers, ts, latest(t, db).ID, losers.Request{Over: true, Origin: "here"}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		written := time.Date(2026, 1, 2, 3, 4, 6, 7000, time.UTC).UnixMicro()
		if over := latest(t, db); over.LoserTime != written || over.LoserOrigin != "here" {
			t.Errorf("%s: it is kept as a version of %d from %s, want %d from here", name, over.LoserTime, over.LoserOrigin, written)
		}
	}
}
