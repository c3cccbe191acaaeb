package outbox_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// written adds a version to the stream.
func written(t *testing.T, db *mysqldb.DB, table, key string, position, at int64, origin, from string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `INSERT INTO sync_versions (table_name, row_id, time, origin, position, came_from) VALUES (?, ?, ?, ?, ?, ?)`,
		table, []byte(key), at, origin, position, from)
	if err != nil {
		t.Fatal(err)
	}
}

func counted(t *testing.T, o *outbox.Outbox, remote string, after, upTo int64, limit int) (string, int64, bool) {
	t.Helper()
	list, about, more, err := o.Count(t.Context(), remote, after, upTo, limit, func(table string) bool { return table != "declined" })
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(x, y outbox.Backlog) int { return cmp.Compare(x.Table, y.Table) })
	return strings.Trim(fmt.Sprint(list), "[]"), about, more
}

func TestCountKnowsWhatARemoteNeeds(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	at := time.Now().UnixMicro()
	decided := change.Decided(1, "node-b", "mark").Origin
	for i, v := range []struct{ table, origin, from string }{
		{"t", "node-a", ""},                           // made here
		{"t", "node-b", "node-b"},                     // from the remote
		{"t", "node-b", "node-c"},                     // written there, via a detour
		{"t", change.Origin("node-b", "x"), "node-c"}, // likewise, in a later life
		{"t", "node-bb", "node-c"},                    // another with a similar name
		{"u", decided, "node-c"},                      // a decision: the remote may not know it
		{"u", change.Origin("node-a", "y"), ""},
	} {
		written(t, db, v.table, fmt.Sprint(i), int64(100+i), at+int64(i), v.origin, v.from)
	}
	if got, _, more := counted(t, o, "node-b", 0, 1000, 100); more || got != fmt.Sprintf("{t 2 0 %d} {u 2 0 %d}", at, at+5) {
		t.Errorf("node-b needs %s", got)
	}
	if got, _, _ := counted(t, o, "node-b", 100, 105, 100); got != fmt.Sprintf("{t 1 0 %d} {u 1 0 %d}", at+4, at+5) {
		t.Errorf("between the first and the last: %s", got)
	}
	if got, about, more := counted(t, o, "node-b", 0, 1000, 3); !more || about < 1 || got != fmt.Sprintf("{t 1 0 %d}", at) {
		t.Errorf("of the first three: %s, about %d", got, about)
	}
	mark(t, db, o, []string{"node-b"}, change.Row{Table: "t", Key: "0"}, change.Row{Table: "u", Key: "9"}, change.Row{Table: "u", Key: "bad"})
	items := next(t, o, "node-b")
	if err := o.Fail(t.Context(), "node-b", []outbox.Failure{{Item: items[2], Message: "no", RetryAt: time.Now().Add(time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	if got, _, more := counted(t, o, "node-b", 1000, 1000, 100); more || got != fmt.Sprintf("{t 1 0 %d} {u 1 1 0}", at) {
		t.Errorf("marked are %s", got)
	}
	if got, _, _ := counted(t, o, "node-c", 1000, 1000, 100); got != "" {
		t.Errorf("node-c needs %s", got)
	}
	refused, err := o.Refused(t.Context(), "node-b", "u", "", 10)
	if err != nil || len(refused) != 1 || refused[0].ID != "bad" || refused[0].Attempts != 1 || refused[0].Status.Message != "no" {
		t.Errorf("refused are %+v, %v", refused, err)
	}
	if n, err := o.RetryNow(t.Context(), "node-b", "u", "9"); n != 0 || err != nil {
		t.Errorf("a row that was not refused: %d, %v", n, err)
	}
	if n, err := o.RetryNow(t.Context(), "node-b", "", ""); n != 1 || err != nil {
		t.Errorf("all refused rows: %d, %v", n, err)
	}
}

// A row that waits for another is pending in sync_status, not an error.
func TestARowThatWaitsForAnotherIsPending(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	at := time.Now().UnixMicro()
	rows := []change.Row{{Table: "t", Key: "bad"}, {Table: "t", Key: "child"}, {Table: "u", Key: "child"}}
	for i, r := range rows {
		written(t, db, r.Table, r.Key, int64(100+i), at+int64(i), "node-a", "")
	}
	mark(t, db, o, []string{"node-b"}, rows...)
	fail := func(soon ...bool) {
		t.Helper()
		var failures []outbox.Failure
		for i, item := range next(t, o, "node-b") {
			failures = append(failures, outbox.Failure{Item: item, Message: "no", Temporary: soon[i], RetryAt: time.Now().Add(-time.Second)})
		}
		if err := o.Fail(t.Context(), "node-b", failures); err != nil {
			t.Fatal(err)
		}
	}
	fail(false, true, true)
	if got, _, more := counted(t, o, "node-b", 1000, 1000, 100); more || got != fmt.Sprintf("{t 1 1 %d} {u 1 0 %d}", at+1, at+2) {
		t.Errorf("waiting are %s", got)
	}
	if got, _, _ := counted(t, o, "node-b", 1000, 1000, 1); got != "{t 0 1 0}" {
		t.Errorf("of the first it is %s", got)
	}
	list, err := o.Refused(t.Context(), "node-b", "t", "", 10)
	if err != nil || len(list) != 2 || list[0].Key != "child" || !list[0].Temporary || list[1].Temporary {
		t.Errorf("refused are %+v, %v", list, err)
	}
	// After a long wait it is an error, unless it heals on its own.
	if n := retry(t, o, "node-b", time.Now()); n != 3 {
		t.Fatalf("%d are ready", n)
	}
	fail(true, false, true)
	if got, _, _ := counted(t, o, "node-b", 1000, 1000, 100); got != fmt.Sprintf("{t 1 1 %d} {u 1 0 %d}", at, at+2) {
		t.Errorf("then waiting are %s", got)
	}
}

// Rows that are held back are behind the remote's place in the stream. They count where they are due, as far as they can be
// found without looking at too many others.
func TestCountKnowsWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	at := time.Now().UnixMicro()
	for i := range 300 {
		written(t, db, "other", fmt.Sprint(i), int64(100+i), at, "node-a", "")
	}
	for _, table := range []string{"held", "declined"} {
		written(t, db, table, "1", 50, at-9, "node-a", "") // before it was held back
		written(t, db, table, "2", 60, at+2, "node-a", "")
		written(t, db, table, "3", 61, at+3, "node-b", "node-b")
		written(t, db, table, "4", 399, at+4, "node-a", "")
		written(t, db, table, "5", 500, at+5, "node-a", "") // after the remote's place
		if err := o.KeepBack(t.Context(), "node-b", table, 55); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, more := counted(t, o, "node-b", 450, 499, 100); more || got != fmt.Sprintf("{held 2 0 %d}", at+2) {
		t.Errorf("node-b needs %s, more: %v", got, more)
	}
	if got, _, more := counted(t, o, "node-b", 450, 499, 10); !more || got != fmt.Sprintf("{held 1 0 %d}", at+2) {
		t.Errorf("of the first ones it needs %s, more: %v", got, more)
	}
}
