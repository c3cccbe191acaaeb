package outbox_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// plain identifies rows by key, as in tables with one text column as key.
type plain struct{}

func (plain) ID(_ context.Context, r change.Row) string { return strings.ToValidUTF8(r.Key, "?") }

func (plain) Spelled(context.Context, string) bool { return false }

// begin returns the outbox of a schema, as a process opens it.
func begin(t *testing.T, db *mysqldb.DB) *outbox.Outbox {
	t.Helper()
	s, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return outbox.New(db, plain{}, s)
}

func mark(t *testing.T, db *mysqldb.DB, o *outbox.Outbox, remotes []string, rows ...change.Row) {
	t.Helper()
	for _, remote := range remotes {
		if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error { return o.Mark(t.Context(), tx, rows, remote) }); err != nil {
			t.Fatal(err)
		}
	}
}

func next(t *testing.T, o *outbox.Outbox, remote string) []outbox.Item {
	t.Helper()
	items, err := o.Next(t.Context(), remote, -1, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func keys(items []outbox.Item) []string {
	list := []string{}
	for _, i := range items {
		list = append(list, i.Table+" "+i.Key)
	}
	return list
}

func done(t *testing.T, o *outbox.Outbox, remote string, items ...outbox.Item) int {
	t.Helper()
	sent := make([]outbox.Sent, len(items))
	for i := range items {
		sent[i].Item = items[i]
	}
	left, err := o.Done(t.Context(), remote, sent, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// status returns a row of sync_status as "status message".
func status(t *testing.T, db *mysqldb.DB, table, id, remote string) string {
	t.Helper()
	var s string
	err := db.GetContext(t.Context(), &s, `SELECT CONCAT_WS(' ', status, message) FROM sync_status WHERE id = ?
		AND table_name = ? AND remote = ?`, outbox.StatusID(table, id, remote), table, remote)
	if err != nil {
		t.Fatalf("status of %s %.40s for %s: %v", table, id, remote, err)
	}
	return s
}

func TestMarkedRowsAreNeededInOrder(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	long := strings.Repeat("k", 3000) + "\xff\x00"
	rows := []change.Row{{Table: "b", Key: "2"}, {Table: "a", Key: "\x00'\\\xff"}, {Table: "a", Key: long}, {Table: "a", Key: ""}}
	mark(t, db, o, []string{"node-b", "node-c"}, rows...)
	want := []string{"b 2", "a \x00'\\\xff", "a " + long, "a "}
	for _, remote := range []string{"node-b", "node-c"} {
		items := next(t, o, remote)
		if got := keys(items); !slices.Equal(got, want) {
			t.Fatalf("%s needs %q, want %q", remote, got, want)
		}
		first, err := o.Next(t.Context(), remote, items[0].Position, 2, nil)
		if err != nil || !slices.Equal(keys(first), want[1:3]) {
			t.Errorf("after the first, two rows are %q, %v, want %q", keys(first), err, want[1:3])
		}
	}
	if left := done(t, o, "node-b", next(t, o, "node-b")...); left != 0 {
		t.Errorf("%d rows are left for node-b", left)
	}
	if got := next(t, o, "node-b"); len(got) != 0 {
		t.Errorf("node-b still needs %q", keys(got))
	}
	if got := keys(next(t, o, "node-c")); !slices.Equal(got, want) {
		t.Errorf("the ack of node-b left %q for node-c, want %q", got, want)
	}
	if got := status(t, db, "b", "2", "node-b") + ", " + status(t, db, "b", "2", "node-c"); got != "successful, pending" {
		t.Errorf("status %s", got)
	}
}

// An ack records what was sent, not what the row has become since: promise 1.
func TestAnAckOfAnOlderMarkLeavesTheRow(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	row, other := change.Row{Table: "t", Key: "1"}, change.Row{Table: "t", Key: "2"}
	mark(t, db, o, []string{"node-b"}, row, other)
	sent := next(t, o, "node-b")
	mark(t, db, o, []string{"node-b"}, row)
	if left := done(t, o, "node-b", sent...); left != 1 {
		t.Errorf("%d rows are left, want 1", left)
	}
	again := next(t, o, "node-b")
	if got := keys(again); !slices.Equal(got, []string{"t 1"}) {
		t.Fatalf("node-b needs %q", got)
	}
	if again[0].Position != sent[0].Position {
		t.Errorf("the row went from position %d to %d", sent[0].Position, again[0].Position)
	}
	if got := status(t, db, "t", "1", "node-b") + ", " + status(t, db, "t", "2", "node-b"); got != "pending, successful" {
		t.Errorf("status %s", got)
	}
	if left := done(t, o, "node-b", again...); left != 0 {
		t.Errorf("%d rows are left", left)
	}
	if left := done(t, o, "node-b", again...); left != 0 {
		t.Errorf("the second ack left %d rows", left)
	}
	if got := status(t, db, "t", "1", "node-b"); got != "successful" {
		t.Errorf("status %s", got)
	}
}

func TestAnOutboxIgnoresAcksOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	row := change.Row{Table: "t", Key: "1"}
	first := begin(t, db)
	mark(t, db, first, []string{"node-b"}, row)
	sent := next(t, first, "node-b")
	second := begin(t, db)
	mark(t, db, second, []string{"node-b"}, row)
	if left := done(t, second, "node-b", sent...); left != 1 {
		t.Errorf("%d rows are left, want 1", left)
	}
}

func TestRefusedRowsWaitUntilDue(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	var rows []change.Row
	for _, k := range []string{"again", "bad", "early", "later"} {
		rows = append(rows, change.Row{Table: "t", Key: k})
	}
	mark(t, db, o, []string{"node-b"}, rows...)
	items := next(t, o, "node-b")
	mark(t, db, o, []string{"node-b"}, rows[0])
	now := time.Now()
	err := o.Fail(t.Context(), "node-b", []outbox.Failure{
		{Item: items[0], Message: "outdated", RetryAt: now.Add(time.Hour)}, // marked again meanwhile: it is not waiting
		{Item: items[1], Message: strings.Repeat("ä", 300) + "\xff", RetryAt: now.Add(time.Hour)},
		{Item: items[3], Message: "no parent", Temporary: true, RetryAt: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(next(t, o, "node-b")); !slices.Equal(got, []string{"t again", "t early"}) {
		t.Errorf("ready are %q", got)
	}
	if got := status(t, db, "t", "again", "node-b") + ", " + status(t, db, "t", "later", "node-b"); got != "pending, pending no parent" {
		t.Errorf("status %s", got)
	}
	if got := status(t, db, "t", "bad", "node-b"); utf8.RuneCountInString(got) != len("error ")+255 || !strings.HasPrefix(got, "error ää") {
		t.Errorf("status %s", got)
	}
	if n := retry(t, o, "node-b", now.Add(-time.Second)); n != 0 {
		t.Errorf("before its time Retry = %d", n)
	}
	if n := retry(t, o, "node-b", now); n != 1 {
		t.Errorf("Retry = %d, want 1", n)
	}
	if n := retry(t, o, "node-c", now.Add(2*time.Hour)); n != 0 {
		t.Errorf("Retry of another remote = %d", n)
	}
	items = next(t, o, "node-b")
	if got := keys(items); !slices.Equal(got, []string{"t again", "t early", "t later"}) || items[2].Attempts != 1 || items[1].Attempts != 0 {
		t.Errorf("ready are %q: %+v", got, items)
	}
	mark(t, db, o, []string{"node-b"}, rows[1]) // a newer version is not held up by the older one's error
	if items = next(t, o, "node-b"); len(items) != 4 || items[1].Key != "bad" || items[1].Attempts != 0 {
		t.Errorf("after a new mark ready are %+v", items)
	}
	if got := status(t, db, "t", "bad", "node-b"); got != "pending" {
		t.Errorf("status %s", got)
	}
}

func TestAMarkGoesWithItsTransaction(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	stop := errors.New("stop")
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		if err := o.Mark(t.Context(), tx, []change.Row{{Table: "t", Key: "1"}}, "node-b"); err != nil {
			return err
		}
		return stop
	})
	if got := next(t, o, "node-b"); !errors.Is(err, stop) || len(got) != 0 {
		t.Errorf("%v, and node-b needs %q", err, keys(got))
	}
}

func TestStatusHasTheDocumentedIDAndAReadableKey(t *testing.T) {
	t.Parallel()
	// md5("product_items-53d21975-608f-40a5-b97b-02d4ad7b1f71-node-b"), as md5sum prints it
	if got := outbox.StatusID("product_items", "53d21975-608f-40a5-b97b-02d4ad7b1f71", "node-b"); got != "e8867c6808d9503073bc32935398f9b1" {
		t.Errorf("StatusID = %s", got)
	}
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	long := strings.Repeat("ä", 256)
	exact := strings.Repeat("ä", 255)
	mark(t, db, o, []string{"node-b"}, change.Row{Table: "t", Key: long}, change.Row{Table: "t", Key: long + "x"}, change.Row{Table: "t", Key: exact})
	var shown []string
	if err := db.SelectContext(t.Context(), &shown, `SELECT primary_key FROM sync_status ORDER BY primary_key`); err != nil {
		t.Fatal(err)
	}
	if len(shown) != 3 || !slices.Contains(shown, exact) {
		t.Fatalf("shown are %q", shown)
	}
	for _, s := range shown {
		if utf8.RuneCountInString(s) != 255 || !strings.HasPrefix(s, strings.Repeat("ä", 200)) {
			t.Errorf("%q is shown", s)
		}
	}
	if got := status(t, db, "t", long, "node-b"); got != "pending" { // by the id of the whole key
		t.Errorf("status %s", got)
	}
}

func TestTheTransformedRowIsRememberedPerRemote(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	a, b := change.Row{Table: "t", Key: "a"}, change.Row{Table: "t", Key: strings.Repeat("b", 100)}
	mark(t, db, o, []string{"node-b"}, a, b)
	items := next(t, o, "node-b")
	sent := []outbox.Sent{{Item: items[0], As: "A"}, {Item: items[1], As: "B"}}
	if err := o.Sending(t.Context(), "node-b", sent); err != nil {
		t.Fatal(err)
	}
	got, err := o.SentAs(t.Context(), "node-b", "t", []change.Row{a, b, {Table: "t", Key: "c"}})
	if err != nil || len(got) != 2 || got[a] != "A" || got[b] != "B" {
		t.Errorf("node-b holds %v, %v", got, err)
	}
	sent[0].Gone = true
	if _, err := o.Done(t.Context(), "node-b", sent, nil, false); err != nil {
		t.Fatal(err)
	}
	if got, err = o.SentAs(t.Context(), "node-b", "t", []change.Row{a, b}); err != nil || len(got) != 1 || got[b] != "B" {
		t.Errorf("node-b holds %v, %v", got, err)
	}
	if got, err = o.SentAs(t.Context(), "node-c", "t", []change.Row{a, b}); err != nil || len(got) != 0 {
		t.Errorf("node-c holds %v, %v", got, err)
	}
}

// TestASupersededRowIsNoLongerPending, but one that was refused still is an error.
func TestASupersededRowIsNoLongerPending(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	due, refused, never := change.Row{Table: "t", Key: "1"}, change.Row{Table: "t", Key: "2"}, change.Row{Table: "t", Key: "3"}
	if err := o.Register(t.Context(), []string{"node-b"}); err != nil {
		t.Fatal(err)
	}
	if err := o.ShowPending(t.Context(), "node-b", []version.Waiting{{Row: due}, {Row: refused}}, outbox.Place{Shown: 7}); err != nil {
		t.Fatal(err)
	}
	if err := o.Fail(t.Context(), "node-b", []outbox.Failure{{Item: outbox.Streamed(&version.Waiting{Row: refused, Position: 5}), Message: "no", RetryAt: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	if err := o.Overtaken(t.Context(), "node-b", []change.Row{due, refused, never}); err != nil {
		t.Fatal(err)
	}
	if got := status(t, db, "t", "1", "node-b") + ", " + status(t, db, "t", "2", "node-b"); got != "successful, error no" {
		t.Errorf("status %s", got)
	}
	var rows int
	if err := db.GetContext(t.Context(), &rows, `SELECT COUNT(*) FROM sync_status`); err != nil || rows != 2 {
		t.Errorf("sync_status has %d rows, %v: one was never shown", rows, err)
	}
}

// TestRowsRefusedTogetherAreReportedOneByOne refuses stream rows and marked ones in one answer; one
// of them was marked again meanwhile.
func TestRowsRefusedTogetherAreReportedOneByOne(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	o := begin(t, db)
	row := func(key string) change.Row { return change.Row{Table: "t", Key: key} }
	if err := o.MarkAll(t.Context(), "node-b", []change.Row{row("marked"), row("again")}); err != nil {
		t.Fatal(err)
	}
	marked, err := o.Next(t.Context(), "node-b", 0, 10, nil)
	if err != nil || len(marked) != 2 {
		t.Fatal(marked, err)
	}
	if err := o.MarkAll(t.Context(), "node-b", []change.Row{row("again")}); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("k", 100)
	soon := time.Now().Add(-time.Second)
	failures := []outbox.Failure{
		{Item: outbox.Streamed(&version.Waiting{Row: row("a"), Position: 5}), Message: "no a", RetryAt: soon},
		{Item: outbox.Streamed(&version.Waiting{Row: row(long), Position: 6}), Message: "wait", Temporary: true, RetryAt: soon},
		{Item: outbox.Item{Row: row("whole"), OnlyMissing: true}, Message: "no \\ 'whole'", RetryAt: soon},
		{Item: marked[0], Message: "no 0", RetryAt: soon},
		{Item: marked[1], Message: "no 1", RetryAt: soon},
	}
	if err := o.Fail(t.Context(), "node-b", failures); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := db.SelectContext(t.Context(), &got, `SELECT CONCAT_WS(' ', IF(LENGTH(primary_key) = 100, 'long', primary_key), status, message) FROM sync_status ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	want := []string{"a error no a", "again pending", "long pending wait", "marked error no 0", `whole error no \ 'whole'`}
	if !slices.Equal(got, want) {
		t.Errorf("sync_status has %q, want %q", got, want)
	}
	got = nil
	if err := db.SelectContext(t.Context(), &got, `SELECT CONCAT_WS(' ', IF(row_key IS NULL, row_id, 'long'), state, attempts, only_missing, IF(position < 7, position, '')) FROM sync_outbox ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	want = []string{"a waiting 1 0 5", "again ready 0 0 ", "long waiting 1 0 6", "marked waiting 1 0 ", "whole waiting 1 1 "}
	if !slices.Equal(got, want) {
		t.Errorf("sync_outbox has %q, want %q", got, want)
	}
	if n := retry(t, o, "node-b", time.Now()); n != 4 {
		t.Errorf("%d rows are ready", n)
	}
	if err := o.Fail(t.Context(), "node-b", failures[:1]); err != nil {
		t.Fatal(err)
	}
	list, err := o.Next(t.Context(), "node-b", 0, 10, nil)
	if err != nil || len(list) != 4 || list[0].Key != long {
		t.Errorf("ready are %v, %v", list, err)
	}
}

// TestAcksOfWholeTablesNeedNoTransaction: of each batch of such a table only the last key is written, by who sends it.
func TestAcksOfWholeTablesNeedNoTransaction(t *testing.T) {
	t.Parallel()
	o := begin(t, testkit.OwnSchema(t))
	ended, end := context.WithCancel(t.Context())
	end() // no statement runs in it
	whole := outbox.Sent{Item: outbox.Item{Row: change.Row{Table: "t", Key: "a"}, OnlyMissing: true}}
	if _, err := o.Done(ended, "node-b", []outbox.Sent{whole, whole}, nil, true); err != nil {
		t.Errorf("an ack of a whole table: %v", err)
	}
	marked, gone, streamed := whole, whole, whole
	marked.Marked, gone.Gone, streamed.OnlyMissing = true, true, false
	for _, s := range []outbox.Sent{marked, gone, streamed} {
		if _, err := o.Done(ended, "node-b", []outbox.Sent{whole, s}, nil, false); err == nil {
			t.Errorf("an ack of %+v is not written", s)
		}
	}
	if _, err := o.Done(ended, "node-b", nil, &outbox.Place{Acked: 1}, false); err == nil {
		t.Error("a place is not written")
	}
}
