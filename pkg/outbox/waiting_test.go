package outbox_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// retry makes all due rows of a remote ready, and returns how many.
func retry(t *testing.T, o *outbox.Outbox, remote string, due time.Time) (ready int) {
	t.Helper()
	tables, err := o.WaitingTables(t.Context(), remote)
	for _, table := range tables {
		var n int
		if n, err = o.Retry(t.Context(), remote, table, due, 1000); err != nil {
			break
		}
		ready += n
	}
	if err != nil {
		t.Fatal(err)
	}
	return ready
}

// Waiting rows are read in the order in which they are due, and the cost does not grow with their
// number.
func TestTheCostOfWaitingRowsIsConstant(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	now := time.UnixMilli(time.Now().UnixMilli())
	fail := func(remote, table string, from, rows int) {
		var list []outbox.Failure
		for i := range rows {
			list = append(list, outbox.Failure{Item: outbox.Item{Row: change.Row{Table: table, Key: fmt.Sprint(from + i)}}, Message: "no", RetryAt: now.Add(time.Duration(from+i) * time.Second)})
		}
		if err := o.Fail(t.Context(), remote, list); err != nil {
			t.Fatal(err)
		}
	}
	fail("node-b", "items", 7, 5)
	look := func() (looked int64, tables []string, first time.Time) {
		t.Helper()
		// All in one session: its counters show what the server read.
		db.SetMaxOpenConns(1)
		before := handled(t, db)
		tables, err := o.WaitingTables(t.Context(), "node-b")
		if err == nil {
			first, _, err = o.NextRetry(t.Context(), "node-b", "items")
		}
		if err == nil {
			_, err = o.Retry(t.Context(), "node-b", "items", now.Add(8*time.Second), 2)
		}
		if err != nil {
			t.Fatal(err)
		}
		return handled(t, db) - before, tables, first
	}
	few, _, first := look()
	if !first.Equal(now.Add(7 * time.Second)) {
		t.Errorf("the first is due at %v, want %v", first, now.Add(7*time.Second))
	}
	if got := keys(next(t, o, "node-b")); !slices.Equal(got, []string{"items 7", "items 8"}) {
		t.Errorf("ready are %q", got)
	}
	for i := range 10 {
		fail("node-b", "items", 1000*(i+1), 1000)
		fail("node-b", "orders", 1000*(i+1), 300)
		fail("node-c", "items", 1000*(i+1), 300)
	}
	fail("node-b", "items", 7, 2)
	many, tables, _ := look()
	if !slices.Equal(tables, []string{"items", "orders"}) {
		t.Errorf("rows wait of %q", tables)
	}
	if many > 2*few+20 {
		t.Errorf("the server read %d rows with 5 waiting, %d with 13,000", few, many)
	}
	if n, err := o.Retry(t.Context(), "node-b", "items", now.Add(24*time.Hour), 100); n != 100 || err != nil {
		t.Errorf("%d are ready, %v", n, err)
	}
	// The clock was set back: nothing is due later than it would be now.
	if err := o.RetryBy(t.Context(), "node-b", "orders", now); err != nil {
		t.Fatal(err)
	}
	if n, err := o.Retry(t.Context(), "node-b", "orders", now, 1000); n != 1000 || err != nil {
		t.Errorf("%d are ready, %v", n, err)
	}
	if _, more, err := o.NextRetry(t.Context(), "node-d", "items"); more || err != nil {
		t.Errorf("a row waits for a remote that has none: %v", err)
	}
}

// handled returns how many rows the session has read.
func handled(t *testing.T, db *mysqldb.DB) (n int64) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SHOW SESSION STATUS LIKE 'Handler_read%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var value int64
		if err := rows.Scan(&name, &value); err != nil {
			t.Fatal(err)
		}
		n += value
	}
	return n
}
