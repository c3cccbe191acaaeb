package apply

import (
	"context"
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// somebody runs statements in a user's session, which keeps its locks until release is called.
func (r *receiver) somebody(statements ...string) (release func()) {
	r.t.Helper()
	conn, err := testkit.Shared(r.t).Connect(r.t, r.db.Name).Conn(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	testkit.Exec(r.t, conn, statements...)
	return func() {
		testkit.Exec(r.t, conn, `ROLLBACK`, `UNLOCK TABLES`)
		_ = conn.Close() // it goes back to its pool
	}
}

// until retries set-aside changes until a query returns the expected result.
func (r *receiver) until(query string, want any) {
	r.t.Helper()
	testkit.Eventually(r.t, query, func() error {
		if _, err := r.Apply(context.Background(), nil); err != nil {
			return err
		}
		var got string
		if err := r.db.Get(&got, query); err != nil || got != fmt.Sprint(want) {
			return fmt.Errorf("%q, %v, want %q", got, err, fmt.Sprint(want))
		}
		return nil
	})
}

// TestALockedRowWaitsAlone takes every kind of lock that a change may meet: while it is held, all other changes of the call
// are written, and afterwards the change itself.
func TestALockedRowWaitsAlone(t *testing.T) {
	t.Parallel()
	const rows = 40
	for name, c := range map[string]struct {
		held  []string
		stops func(i int) bool // rows of orders that cannot be written
	}{
		"a row":                             {[]string{`BEGIN`, `UPDATE orders SET v = 9 WHERE id = 7`}, func(i int) bool { return i == 7 }},
		"many rows":                         {[]string{`BEGIN`, `UPDATE orders SET v = 9 WHERE id BETWEEN 3 AND 17`}, func(i int) bool { return i >= 3 && i <= 17 }},
		"a row locked in share mode":        {[]string{`BEGIN`, `SELECT * FROM orders WHERE id = 7 LOCK IN SHARE MODE`}, func(i int) bool { return i == 7 }},
		"a row being inserted":              {[]string{`BEGIN`, `INSERT INTO orders VALUES (31, 1, NULL, 5)`}, func(i int) bool { return i == 31 }},
		"a parent":                          {[]string{`BEGIN`, `UPDATE items SET v = 9 WHERE id = 2`}, func(i int) bool { return i > 20 && i%4 == 2 }},
		"a parent being inserted":           {[]string{`BEGIN`, `INSERT INTO items VALUES (50, 1)`}, func(i int) bool { return i == 40 }},
		"a unique value":                    {[]string{`BEGIN`, `INSERT INTO orders VALUES (99, 1, 1035, 5)`}, func(i int) bool { return i == 35 }},
		"a gap":                             {[]string{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `BEGIN`, `SELECT * FROM orders WHERE id > 20 FOR UPDATE`}, func(i int) bool { return i > 20 }},
		"a table locked for reading":        {[]string{`LOCK TABLES orders READ`}, func(i int) bool { return true }},
		"a table locked for writing":        {[]string{`LOCK TABLES orders WRITE`}, func(i int) bool { return true }},
		"a parent table locked for writing": {[]string{`LOCK TABLES items WRITE`}, func(i int) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, Config{}, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`,
				`CREATE TABLE orders (id INT PRIMARY KEY, item INT, u INT UNIQUE, v INT, FOREIGN KEY (item) REFERENCES items (id))`,
				`CREATE TABLE other (id INT PRIMARY KEY, v INT)`, `INSERT INTO items VALUES (0, 0), (1, 0), (2, 0), (3, 0)`)
			var first, second []Incoming
			for i := 1; i <= 20; i++ {
				first = append(first, r.row("orders", i, i%4, nil, 1), r.row("other", i, 1))
			}
			if n := r.apply(first...); n > 0 {
				t.Fatalf("%d rows wait", n)
			}
			release := r.somebody(c.held...)
			for i := 1; i <= rows; i++ {
				var u any
				item := any(i % 4)
				if i > 20 {
					u = 1000 + i
				}
				if i == 40 && name == "a parent being inserted" {
					item = 50
				}
				second = append(second, r.row("orders", i, item, u, 2), r.row("other", i, 2))
			}
			results, err := r.Apply(t.Context(), second)
			if err != nil {
				t.Fatal(err)
			}
			for i, res := range results {
				row := second[i].Row
				switch {
				case row.Table == "other" && res.Err != nil:
					t.Errorf("a row in another table: %v", res.Err)
				case res.Err != nil && !res.Retry:
					t.Errorf("%v was refused: %v", row, res.Err)
				}
			}
			r.expect(`SELECT COUNT(*) FROM other WHERE v = 2`, rows)

			if name == "a parent being inserted" {
				release() // it is rolled back: then the row waits for its parent
				r.until(`SELECT COUNT(*) FROM orders WHERE v = 2`, rows-1)
				r.apply(r.row("items", 50, 1))
				r.until(`SELECT COUNT(*) FROM orders WHERE v = 2`, rows)
				return
			}
			free := 0
			for i := 1; i <= rows; i++ {
				if !c.stops(i) {
					free++
				}
			}
			if free > 0 { // otherwise the whole table may be locked, and no one can read it
				r.until(`SELECT COUNT(*) FROM orders WHERE v = 2`, free)
			}
			r.apply(r.row("other", 1000, 2)) // nothing waits behind set-aside rows
			r.expect(`SELECT COUNT(*) FROM other WHERE v = 2`, rows+1)
			release()
			r.until(`SELECT COUNT(*) FROM orders WHERE v = 2`, rows)
			if due, ok := r.Due(); ok {
				r.until(`SELECT 1`, 1)
				if _, ok := r.Due(); ok {
					t.Errorf("something is due at %v though nothing is waiting", due)
				}
			}
		})
	}
}

// TestDeletesInSmallTablesMeetNoLocks deletes rows next to rows that someone is writing, in tables so small that a server
// would rather scan them.
func TestDeletesInSmallTablesMeetNoLocks(t *testing.T) {
	t.Parallel()
	for name, ddl := range map[string]string{
		"integer":     `CREATE TABLE small (id INT PRIMARY KEY, v INT)`,
		"text":        `CREATE TABLE small (id VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY, v INT)`,
		"composite":   `CREATE TABLE small (id INT, b VARCHAR(10) DEFAULT 'x', v INT, PRIMARY KEY (id, b))`,
		"partitioned": `CREATE TABLE small (id INT PRIMARY KEY, v INT) PARTITION BY HASH (id) PARTITIONS 4`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, Config{}, ddl)
			for i := range 40 {
				if i != 5 {
					testkit.Exec(t, r.db, fmt.Sprintf(`INSERT INTO small (id, v) VALUES (%d, 0)`, i))
				}
			}
			testkit.Exec(t, r.db, `ANALYZE TABLE small`)
			release := r.somebody(`BEGIN`, `UPDATE small SET v = 1 WHERE id = 3`, `INSERT INTO small (id, v) VALUES (5, 0)`)
			key := func(id int) []any {
				if name == "composite" {
					return []any{id, "x"}
				}
				return []any{id}
			}
			var gone []Incoming
			for i := range 40 {
				if i != 3 && i != 5 {
					gone = append(gone, r.gone("small", key(i)...))
				}
			}
			if n := r.apply(gone...); n > 0 {
				t.Errorf("%d deletes wait for locks of other rows", n)
			}
			release()
			r.expect(`SELECT GROUP_CONCAT(id) FROM small`, "3")
		})
	}
}
