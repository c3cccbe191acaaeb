package apply

import (
	"errors"
	"fmt"
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

// receiver is an Applier with its own database, and the changes sent to it.
type receiver struct {
	*Applier
	t    *testing.T
	db   *mysqldb.DB
	time int64
}

func newReceiver(t *testing.T, c Config, ddl ...string) *receiver {
	t.Helper()
	db := testkit.OwnSchema(t, ddl...)
	tables := schema.NewTables(db)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	all := func(string) bool { return true }
	c.Origin, c.Syncs, c.Receives = "node-a", all, all
	return &receiver{
		Applier: New(zap.NewNop(), testkit.Shared(t).Connect(t, db.Name, Session...), tables, outbox.New(db, tables, stream), triggers, stream, c),
		t:       t, db: db, time: change.Micros(time.Now()) - 1_000_000_000,
	}
}

// row is a change to a row by node-b, which knows everything that it sent before; key columns come first. Without further
// values it is a delete.
func (r *receiver) row(table string, values ...any) Incoming {
	r.t.Helper()
	t, err := r.Applier.db.Table(r.t.Context(), table)
	if err != nil {
		r.t.Fatal(err)
	}
	r.time++
	in := Incoming{From: "node-b"}
	in.State = change.State{Version: at(r.time, "node-b"), Seen: change.Vector{at(r.time-1, "node-b")}}
	var names []string
	var stored [][]byte
	for i, v := range values {
		names = append(names, t.Columns[i].Name)
		if v == nil {
			stored = append(stored, nil)
		} else {
			stored = append(stored, []byte(fmt.Sprint(v)))
		}
	}
	in.Table = table
	if in.Key, err = t.KeyOf(names, stored); err != nil {
		r.t.Fatal(err)
	}
	if len(values) > len(t.Key) || len(values) == len(t.Columns) {
		in.Columns, in.Values = names, stored
	}
	return in
}

// gone is a delete of a row that has only key columns.
func (r *receiver) gone(table string, key ...any) Incoming {
	in := r.row(table, key...)
	in.Columns, in.Values = nil, nil
	return in
}

// apply applies changes in one call and returns how many wait.
func (r *receiver) apply(changes ...Incoming) (waiting int) {
	r.t.Helper()
	results, err := r.Apply(r.t.Context(), changes)
	for at, ok := r.Due(); err == nil && ok && at.IsZero(); at, ok = r.Due() { // more can be done at once
		_, err = r.Apply(r.t.Context(), nil)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	for i, res := range results {
		if res.Err != nil && !res.Retry {
			r.t.Fatalf("%v: %v", changes[i].Row, res.Err)
		}
		if res.Err != nil {
			r.t.Logf("%v: %v", changes[i].Row, res.Err)
			waiting++
		}
	}
	return waiting
}

// expect compares the result of a query that returns one value.
func (r *receiver) expect(query string, want any) {
	r.t.Helper()
	var got string
	if err := r.db.GetContext(r.t.Context(), &got, query); err != nil || got != fmt.Sprint(want) {
		r.t.Errorf("%s: %q, %v, want %q", query, got, err, fmt.Sprint(want))
	}
}

func TestAParentWithAUniqueKeyGetsANewKey(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{},
		`CREATE TABLE k (id INT PRIMARY KEY, mail VARCHAR(20) NOT NULL UNIQUE)`,
		`CREATE TABLE m (id INT PRIMARY KEY, k INT NOT NULL, FOREIGN KEY (k) REFERENCES k (id) ON UPDATE CASCADE)`)
	if n := r.apply(r.row("k", 1, "one"), r.row("m", 1, 1), r.row("m", 2, 1), r.row("m", 3, 1)); n != 0 {
		t.Fatalf("%d rows wait", n)
	}
	if n := r.apply(r.row("m", 1, 11), r.row("m", 2, 11)); n != 2 {
		t.Fatalf("%d rows wait", n)
	}
	if n := r.apply(r.row("k", 11, "one"), r.gone("k", 1)); n != 2 {
		t.Fatalf("%d rows wait", n)
	}
	r.expect(`SELECT GROUP_CONCAT(k) FROM m`, "1,1,1")
	r.apply(r.row("m", 3, 11))
	r.expect(`SELECT GROUP_CONCAT(k) FROM m`, "11,11,11")
	r.expect(`SELECT GROUP_CONCAT(id) FROM k`, "11")
}

func TestManyChildrenFollowTheirParent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{},
		`CREATE TABLE k (id INT PRIMARY KEY, mail VARCHAR(20) NOT NULL UNIQUE)`,
		`CREATE TABLE m (id INT PRIMARY KEY, k INT NOT NULL, place INT NOT NULL UNIQUE, FOREIGN KEY (k) REFERENCES k (id) ON UPDATE CASCADE)`)
	var children, moved []Incoming
	for i := range 700 {
		children = append(children, r.row("m", i, 1, i))
	}
	if n := r.apply(append([]Incoming{r.row("k", 1, "one")}, children...)...); n != 0 {
		t.Fatalf("%d rows wait", n)
	}
	for i := range 700 {
		moved = append(moved, r.row("m", i, 11, i))
	}
	if n := r.apply(moved[:94]...); n != 94 {
		t.Fatalf("%d rows wait", n)
	}
	r.apply(append(moved[94:], r.row("k", 11, "one"), r.gone("k", 1))...)
	r.expect(`SELECT COUNT(*) FROM m WHERE k = 11`, 700)
	r.expect(`SELECT GROUP_CONCAT(id) FROM k`, "11")
}

// TestARowDeletedByATriggerIsNotCountedAsUpdated: the same batch deletes a row and, by a trigger on its table, the updated
// one.
func TestARowDeletedByATriggerIsNotCountedAsUpdated(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE a (id INT PRIMARY KEY)`, `CREATE TABLE b (id INT PRIMARY KEY, note VARCHAR(9))`,
		`CREATE TRIGGER tidy AFTER DELETE ON a FOR EACH ROW DELETE FROM b WHERE id = OLD.id`)
	if n := r.apply(r.row("a", 1), r.row("b", 1, "x"), r.row("b", 2, "x")); n != 0 {
		t.Fatalf("%d rows wait", n)
	}
	if n := r.apply(r.gone("a", 1), r.row("b", 1, "new"), r.row("b", 2, "x")); n != 0 {
		t.Fatalf("%d rows wait", n)
	}
	r.expect(`SELECT GROUP_CONCAT(id, note ORDER BY id) FROM b`, "1new,2x")
}

func TestStrangersFollowTheRowThatReplacesTheirParent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{},
		"CREATE TABLE k (id INT PRIMARY KEY, mail VARCHAR(10) NOT NULL UNIQUE)",
		"CREATE TABLE h (id INT PRIMARY KEY, k INT NOT NULL, FOREIGN KEY (k) REFERENCES k (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"CREATE TABLE s (id INT PRIMARY KEY, k INT NOT NULL, FOREIGN KEY (k) REFERENCES k (id))")
	r.apply(r.row("k", 1, "one"), r.row("k", 2, "two"), r.row("h", 1, 1))
	testkit.Exec(t, r.db, "INSERT INTO h VALUES (2, 1), (3, 2)", "INSERT INTO s VALUES (1, 1)")
	if n := r.apply(r.row("h", 1, 11), r.row("k", 11, "one"), r.row("k", 12, "two"), r.gone("k", 1), r.gone("k", 2)); n != 5 {
		t.Fatalf("%d rows wait", n)
	}
	held := r.Held(time.Now().Add(time.Hour), 10)
	held = append(held, held...)
	for i, h := range held {
		if i >= len(held)/2 { // there may be more by now
			for _, again := range r.Held(time.Now().Add(time.Hour), 10) {
				if again.Row == h.Row {
					h = again
				}
			}
		}
		t.Log(h)
		var strangers []change.Row
		for _, c := range h.Refer {
			if c.Table == "s" || c.Key != "1" {
				strangers = append(strangers, c)
			}
		}
		if err := r.Settle(t.Context(), h, strangers); err != nil {
			t.Fatal(err)
		}
	}
	r.expect(`SELECT GROUP_CONCAT(id, ' ', k ORDER BY id) FROM h`, "1 11,2 11,3 12")
	r.expect(`SELECT GROUP_CONCAT(id, ' ', k ORDER BY id) FROM s`, "1 11")
	r.expect(`SELECT GROUP_CONCAT(id) FROM k`, "11,12")
}

// TestShiftedUniqueValuesAreWrittenTogether shifts the values of two unique keys in opposite
// directions: no row can be written before all have arrived.
func TestShiftedUniqueValuesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE u (id INT PRIMARY KEY, x INT NOT NULL UNIQUE, y INT NOT NULL UNIQUE)`)
	var rows, shifted []Incoming
	for i := range 600 {
		rows = append(rows, r.row("u", i, i, i))
	}
	r.apply(rows...)
	for i := range 600 {
		shifted = append(shifted, r.row("u", i, (i+1)%600, (i+599)%600))
	}
	if n := r.apply(shifted[:500]...); n != 500 {
		t.Fatalf("%d rows wait", n)
	}
	r.apply(shifted[500:]...)
	r.expect(`SELECT SUM(x = MOD(id + 1, 600) AND y = MOD(id + 599, 600)) FROM u`, 600)
}

// TestStrangersOfARespelledParentAreRecognized: these keys' identity is not their spelling.
func TestStrangersOfARespelledParentAreRecognized(t *testing.T) {
	t.Parallel()
	const ci = "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
	r := newReceiver(t, Config{}, "CREATE TABLE p (id "+ci+" PRIMARY KEY, up "+ci+", FOREIGN KEY (up) REFERENCES p (id))")
	r.apply(r.row("p", "Eve", nil))
	testkit.Exec(t, r.db, "INSERT INTO p VALUES ('Bob', 'eve')")
	if n := r.apply(r.gone("p", "eve")); n != 1 {
		t.Fatalf("%d rows wait", n)
	}
	for _, h := range r.Held(time.Now().Add(time.Hour), 10) {
		if err := r.Settle(t.Context(), h, h.Refer); err != nil {
			t.Fatal(err)
		}
	}
	if left := r.Held(time.Now().Add(time.Hour), 10); len(left) > 0 {
		t.Errorf("%v is still held", left)
	}
	r.expect("SELECT COUNT(*) FROM sync_conflicts WHERE policy = 'foreignKey'", 1)
}

// TestAChainWithAMissingEndWaitsAtOnce: each row refers to the next, and the last to one that has not arrived. One
// transaction is enough to know that all must wait.
func TestAChainWithAMissingEndWaitsAtOnce(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE k (id INT PRIMARY KEY, next INT, FOREIGN KEY (next) REFERENCES k (id))`)
	var chain []Incoming
	for i := range 300 {
		chain = append(chain, r.row("k", i, i+1))
	}
	tasks := rounds(chain, make([]Result, len(chain)))[0]
	var b *barred
	if err := r.transaction(t.Context(), tasks, whole); !errors.As(err, &b) || len(b.waits) != len(chain) {
		t.Fatalf("%v, %v", err, b)
	}
	if n := r.apply(chain...); n != len(chain) {
		t.Fatalf("%d rows wait", n)
	}
	r.apply(r.row("k", 300, nil))
	r.expect(`SELECT COUNT(*) FROM k`, 301)
}
