package status_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// open returns the desk of a stopped node whose remote berlin has three marked rows, two of them
// refused.
func open(t *testing.T) (*status.Stopped, *mysqldb.DB) {
	t.Helper()
	db := testkit.OwnSchema(t, `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100))`, `CREATE TABLE items (id INT PRIMARY KEY)`)
	cfg := &config.Config{ClientName: "hamburg", RemoteClients: []string{"berlin", "boston"}, SyncTables: []string{"orders"}, ReceiveTables: []string{"orders", "items"}}
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	o := outbox.New(db, schema.NewTables(db), stream)
	if err := o.Register(t.Context(), cfg.RemoteClients); err != nil {
		t.Fatal(err)
	}
	rows := []change.Row{{Table: "orders", Key: "1"}, {Table: "orders", Key: "2"}, {Table: "orders", Key: "3"}}
	if err := o.MarkAll(t.Context(), "berlin", rows); err != nil {
		t.Fatal(err)
	}
	marked, err := o.Next(t.Context(), "berlin", -1, 10, nil)
	if err != nil || len(marked) != 3 {
		t.Fatalf("%d rows are marked, %v", len(marked), err)
	}
	var failed []outbox.Failure
	for _, i := range marked[:2] {
		failed = append(failed, outbox.Failure{Item: i, Message: "no column name", RetryAt: time.Now().Add(time.Hour)})
	}
	if err := o.Fail(t.Context(), "berlin", failed); err != nil {
		t.Fatal(err)
	}
	return status.OfStopped(cfg, db, trigger.New(zap.NewNop(), db, trigger.Config{})), db
}

func TestRefusedRowsAreListedAndRetried(t *testing.T) {
	t.Parallel()
	d, _ := open(t)
	list := func(of status.Rows, limit int) []status.RowError {
		t.Helper()
		found, err := d.Errors(t.Context(), of, limit)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	all := list(status.Rows{}, 10)
	if len(all) != 2 || all[0].Remote != "berlin" || all[0].Table != "orders" || all[0].Message != "no column name" || all[0].Attempts != 1 || time.Until(all[0].RetryAt) <= 0 {
		t.Errorf("refused: %+v", all)
	}
	if one := list(status.Rows{Remote: "berlin", Table: "orders", ID: "2"}, 10); len(one) != 1 || one[0].ID != "2" {
		t.Errorf("for one row: %+v", one)
	}
	if none := list(status.Rows{Remote: "boston"}, 10); none == nil || len(none) != 0 {
		t.Errorf("for another remote: %+v", none)
	}
	if n := len(list(status.Rows{}, 1)); n != 1 {
		t.Errorf("at most 1: %d", n)
	}
	for _, want := range []int64{1, 0} {
		if n, err := d.Retry(t.Context(), status.Rows{Table: "orders", ID: "2"}); err != nil || n != want {
			t.Errorf("%d rows are resent, %v", n, err)
		}
	}
	if n := len(list(status.Rows{}, 10)); n != 1 {
		t.Errorf("%d rows are refused after one was resent", n)
	}
}

// A key may be longer than sync_conflicts shows it, and have several spellings: the whole id is listed, and finds the row.
func TestConflictsOfRowsWithLongIDs(t *testing.T) {
	t.Parallel()
	d, db := open(t)
	long := strings.Repeat("√x", 150)
	testkit.Exec(t, db, `CREATE TABLE items2 (id VARCHAR(600) COLLATE utf8mb4_general_ci PRIMARY KEY)`, `RENAME TABLE items TO items1, items2 TO items`)
	table, err := schema.Read(t.Context(), db, db.Name, "items")
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{long + "1", long + "2", "Bob"} {
		rows := []change.Row{{Table: "items", Key: id}}
		if err := schema.NewTables(db).Identify(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		lost := losers.Side{Version: change.Version{Time: int64(i + 1), Origin: "berlin"}}
		if err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			return losers.Record(t.Context(), tx, []losers.Entry{{Table: table, Key: id, ID: rows[0].ID(), Policy: "lastWriteWins", Winner: lost, Loser: lost}})
		}); err != nil {
			t.Fatal(err)
		}
	}
	for ask, want := range map[status.ConflictsAsk]string{
		{Table: "items", Row: long + "2"}: long + "2", {Table: "items", Row: "bob"}: "Bob", {Row: "Bob"}: "Bob", {Table: "items", Row: "eve"}: "", {Table: "orders", Row: "Bob"}: "",
	} {
		ask.Limit = 10
		list, err := d.Conflicts(t.Context(), ask)
		if found := len(list) == 1; err != nil || found != (want != "") || found && list[0].Row != want {
			t.Errorf("%+v: %+v, %v", ask, list, err)
		}
	}
	if list, err := d.Conflicts(t.Context(), status.ConflictsAsk{Row: long + "1", Limit: 10}); err != nil || len(list) != 2 {
		t.Errorf("without the table, by the beginning: %+v, %v", list, err)
	}
}

// Promise 8.
func TestNamesMustBeInTheConfiguration(t *testing.T) {
	t.Parallel()
	d, _ := open(t)
	for rule, c := range map[string]struct {
		ask  func() error
		kind error
	}{
		"an unknown remote":     {func() error { _, err := d.Errors(t.Context(), status.Rows{Remote: "nobody"}, 1); return err }, status.ErrNotFound},
		"an unknown table":      {func() error { _, err := d.Retry(t.Context(), status.Rows{Table: "sync_outbox"}); return err }, status.ErrNotFound},
		"an id without a table": {func() error { _, err := d.Errors(t.Context(), status.Rows{ID: "1"}, 1); return err }, status.ErrRequest},
		"an id that is not a number": {func() error { _, err := d.Errors(t.Context(), status.Rows{Table: "orders", ID: "1'"}, 1); return err },
			status.ErrRequest},
		"a receive-only table":         {func() error { return d.Resync(t.Context(), status.Resync{Table: "items"}) }, status.ErrNotFound},
		"no table":                     {func() error { return d.Resync(t.Context(), status.Resync{}) }, status.ErrRequest},
		"an unknown mode":              {func() error { return d.Resync(t.Context(), status.Resync{Table: "orders", Mode: "some"}) }, status.ErrRequest},
		"a condition that is not SQL":  {func() error { return d.Resync(t.Context(), status.Resync{Table: "orders", Where: "nonsense ("}) }, status.ErrRequest},
		"an unknown column":            {func() error { return d.Resync(t.Context(), status.Resync{Table: "orders", Where: "nothing = 1"}) }, status.ErrRequest},
		"an unknown conflict":          {func() error { return d.PutBack(t.Context(), 1, status.PutBack{}) }, status.ErrNotFound},
		"an unknown remote to send to": {func() error { return d.Resync(t.Context(), status.Resync{Table: "orders", Remote: "nobody"}) }, status.ErrNotFound},
	} {
		if err := c.ask(); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestTheStateOfAStoppedNode(t *testing.T) {
	t.Parallel()
	d, db := open(t)
	if err := d.Resync(t.Context(), status.Resync{Table: "orders", Remote: "boston", Where: "id > 1"}); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, db, `INSERT INTO table_changes (table_name, primary_key, date) VALUES ('orders', '4', UTC_TIMESTAMP(6))`,
		`INSERT INTO sync_conflicts (table_name, row_id, row_key, primary_key, detected_at, policy, winner_time, winner_origin, loser_time, loser_origin)
			VALUES ('orders', '1', '1', '1', UTC_TIMESTAMP(6), 'lastWriteWins', 2000000, 'berlin~abc', 1000000, 'hamburg')`)
	s, err := d.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Remotes) != 2 || s.Remotes[0].Pending.Rows != 1 || s.Remotes[0].Errors != 2 || s.Remotes[1].Pending.Rows != 0 || s.Conflicts.Kept != 1 || s.Uncaptured.Rows != 1 {
		t.Errorf("state %+v", s)
	}
	if len(s.Streams) != 2 || s.Streams[1].Pending.Rows != 0 || s.Streams[0].Table != "orders" || s.Streams[0].Remote != s.Remotes[0].Name || s.Streams[0].Pending.Rows != 1 || s.Streams[0].Errors != 2 {
		t.Errorf("by table: %+v", s.Streams)
	}
	if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), ":null") {
		t.Errorf("an empty list is null: %s, %v", text, err)
	}
	if len(s.Transfers) != 1 || s.Transfers[0].Remote != "boston" || s.Transfers[0].Mode != "missing" || s.Transfers[0].Finished != nil {
		t.Errorf("transfers: %+v", s.Transfers)
	}
	if len(s.Tables) != 2 || s.Tables[0].Name != "items" || s.Tables[0].Sends || !s.Tables[1].Sends || s.Tables[1].Policy != "lastWriteWins" {
		t.Errorf("tables: %+v", s.Tables)
	}
	found, err := d.Conflicts(t.Context(), status.ConflictsAsk{Limit: 10})
	if err != nil || len(found) != 1 || found[0].Winner.Origin != "berlin" || !found[0].Standing || string(found[0].Loser.Row) != "null" {
		t.Errorf("conflicts: %+v, %v", found, err)
	}
}
