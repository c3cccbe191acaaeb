package route_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// hub is the routes of a node with two stores, and for whom it was told that rows are marked.
type hub struct {
	*route.Router
	t      *testing.T
	db     *mysqldb.DB
	stream *version.Stream
	cfg    *config.Config
	marked []string
}

func newHub(t *testing.T) *hub {
	t.Helper()
	return newHubWith(t, config.RouteRule{Column: "store", Remote: "store-{value}"})
}

func newHubWith(t *testing.T, orders config.RouteRule) *hub {
	t.Helper()
	db := testkit.OwnSchema(t, "CREATE TABLE orders (id INT PRIMARY KEY, store INT)",
		"CREATE TABLE items (id INT PRIMARY KEY, order_id INT, FOREIGN KEY (order_id) REFERENCES orders (id))",
		"CREATE TABLE parts (id INT PRIMARY KEY, item_id INT, FOREIGN KEY (item_id) REFERENCES items (id))",
		"CREATE TABLE stores (region INT PRIMARY KEY, store VARCHAR(20))")
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	tables := []string{"orders", "items", "parts"}
	cfg := &config.Config{ClientName: "hub", RemoteClients: []string{"store-1", "store-2"}, SyncTables: tables, ReceiveTables: tables, Routes: map[string]config.Route{
		"orders": {Rules: []config.RouteRule{orders}},
		"items":  {Parent: "orders"},
		"parts":  {Parent: "items"},
	}}
	h := &hub{t: t, db: db, stream: stream, cfg: cfg}
	h.start()
	return h
}

// start makes the router of a new process.
func (h *hub) start() {
	ts := schema.NewTables(h.db)
	h.Router = route.New(zap.NewNop(), h.cfg, h.db, ts, outbox.New(h.db, ts, h.stream), h.stream, func() {}, func(remote string) { h.marked = append(h.marked, remote) })
}

// record records writes of rows, as capture does.
func (h *hub) record(rows ...change.Row) {
	h.t.Helper()
	h.recordBefore(func() {}, rows...)
}

// recordBefore calls commits before it commits.
func (h *hub) recordBefore(commits func(), rows ...change.Row) {
	h.t.Helper()
	err := h.stream.Write(h.t.Context(), h.db, rows, func(tx mysqldb.Tx, w *version.Writing) error {
		h.marked = nil
		first := w.Positions(len(rows))
		var entries []version.Entry
		for i, row := range rows {
			v := change.Version{Time: change.Baseline + first + int64(i), Origin: "hub"}
			entries = append(entries, version.Entry{Row: row, State: change.State{Version: v}, Fate: version.There, Position: first + int64(i)})
		}
		err := h.Record(h.t.Context(), tx, w, entries)
		if len(h.marked) > 0 {
			h.t.Error("it is told of marks that are not committed yet")
		}
		commits()
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// has reports which stores it is recorded of that they have a row.
func (h *hub) has(row change.Row) (list []string) {
	h.t.Helper()
	labels, err := version.Labels(context.Background(), h.db, []change.Row{row})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, remote := range []string{"store-1", "store-2"} {
		if h.To(row.Table, labels[row], remote) {
			list = append(list, remote)
		}
	}
	return list
}

var (
	order = change.Row{Table: "orders", Key: "1"}
	item  = change.Row{Table: "items", Key: "1"}
	part  = change.Row{Table: "parts", Key: "1"}
)

// TestARowWithALongValueIsNobodys records it together with another row.
func TestARowWithALongValueIsNobodys(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	testkit.Exec(t, h.db, "ALTER TABLE orders MODIFY store VARCHAR(2000)", "INSERT INTO orders VALUES (1, REPEAT('1', 2000)), (2, '2')")
	h.start()
	one, two := change.Row{Table: "orders", Key: "1"}, change.Row{Table: "orders", Key: "2"}
	h.record(one, two)
	if !slices.Equal(h.has(two), []string{"store-2"}) || len(h.has(one)) > 0 {
		t.Errorf("%v, %v", h.has(one), h.has(two))
	}
}

// TestLongRoutesAndNamesAreRecorded has hundreds of remotes get all rows, and a lookup table with names of the greatest length.
func TestLongRoutesAndNamesAreRecorded(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("ł", 64)
	h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: name, Key: name, Remote: "store"}})
	testkit.Exec(t, h.db, "CREATE TABLE "+name+" ("+name+" INT PRIMARY KEY, store VARCHAR(20))", "INSERT INTO "+name+" VALUES (1, 'store-1')",
		"INSERT INTO orders VALUES (1, 1)")
	for i := range 300 {
		h.cfg.RouteAlso = append(h.cfg.RouteAlso, fmt.Sprintf("a-remote-with-a-long-name-%06d", i))
	}
	for range 2 {
		h.start()
		if err := h.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, h.db, "DELETE FROM "+name) // it stays as it was
	}
	h.record(order)
	if !slices.Equal(h.has(order), []string{"store-1"}) {
		t.Errorf("%v", h.has(order))
	}
}

// TestWhoeverSendsIsToldOfMarks has a row move when nothing else is due.
func TestWhoeverSendsIsToldOfMarks(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	testkit.Exec(t, h.db, "INSERT INTO orders VALUES (1, 1)")
	h.record(order)
	if len(h.marked) > 0 {
		t.Errorf("%q are told of marks of a row that is new", h.marked)
	}
	testkit.Exec(t, h.db, "UPDATE orders SET store = 2")
	h.record(order)
	if want := []string{"store-1"}; !slices.Equal(h.marked, want) {
		t.Errorf("a row has moved: %q are told, want %q", h.marked, want)
	}
}

// TestChildrenFollowWhatIsRecordedOfTheirParent has children be recorded while their parent has been written and that is
// not recorded; then it is written back.
func TestChildrenFollowWhatIsRecordedOfTheirParent(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	testkit.Exec(t, h.db, "INSERT INTO orders VALUES (1, 1)", "INSERT INTO items VALUES (1, 1), (2, NULL)", "INSERT INTO parts VALUES (1, 1)")
	loose := change.Row{Table: "items", Key: "2"}
	h.record(part, loose, item, order) // in one batch, children before their parents
	for _, row := range []change.Row{order, item, part} {
		if got, want := h.has(row), []string{"store-1"}; !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", row, got, want)
		}
	}
	if got := h.has(loose); got != nil {
		t.Errorf("a row that refers to none: %q have it", got)
	}
	testkit.Exec(t, h.db, "UPDATE orders SET store = 2")
	h.record(item, part)
	testkit.Exec(t, h.db, "UPDATE orders SET store = 1")
	h.record(order)
	for _, row := range []change.Row{order, item, part} {
		if got, want := h.has(row), []string{"store-1"}; !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", row, got, want)
		}
	}
}

// TestARowThatMovesAfterALookupTableChangedIsWithdrawn has a row get another value after its store has lost the one that it
// had, before rows are marked for that; in one case the hub is started anew in between.
func TestARowThatMovesAfterALookupTableChangedIsWithdrawn(t *testing.T) {
	t.Parallel()
	for _, restarts := range []bool{false, true} {
		h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: "stores", Key: "region", Remote: "store"}})
		testkit.Exec(t, h.db, "INSERT INTO stores VALUES (1, 'store-1')", "INSERT INTO orders VALUES (1, 1)")
		if err := h.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.record(order)
		testkit.Exec(t, h.db, "UPDATE stores SET store = 'store-2'")
		if err := h.LookAgain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if restarts {
			h.start()
			if err := h.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		testkit.Exec(t, h.db, "UPDATE orders SET store = 3")
		h.record(order)
		if err := h.Reroute(t.Context()); err != nil {
			t.Fatal(err)
		}
		var withdrawn int
		if err := h.db.GetContext(t.Context(), &withdrawn, "SELECT COUNT(*) FROM sync_outbox WHERE remote = 'store-1' AND table_name = 'orders'"); err != nil || withdrawn != 1 {
			t.Errorf("restarted %v: the row is marked %d times for the store that loses it, %v", restarts, withdrawn, err)
		}
	}
}

// TestARowThatMovesWhileALookupTableChangesIsWithdrawn has a row move within a store's part just before the store loses
// the value that it moves to.
func TestARowThatMovesWhileALookupTableChangesIsWithdrawn(t *testing.T) {
	t.Parallel()
	h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: "stores", Key: "region", Remote: "store"}})
	testkit.Exec(t, h.db, "INSERT INTO stores VALUES (1, 'store-1'), (2, 'store-1')", "INSERT INTO orders VALUES (1, 1)")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.record(order)
	testkit.Exec(t, h.db, "UPDATE orders SET store = 2")
	marked := make(chan error, 1)
	h.recordBefore(func() {
		testkit.Exec(t, h.db, "UPDATE stores SET store = 'store-2' WHERE region = 2")
		if err := h.LookAgain(t.Context()); err != nil {
			t.Error(err)
		}
		go func() { marked <- h.Reroute(t.Context()) }()
		select {
		case err := <-marked:
			t.Error("rows were marked although one of them is being decided about")
			marked <- err
		case <-time.After(300 * time.Millisecond): // it waits
		}
	}, order)
	if err := <-marked; err != nil {
		t.Fatal(err)
	}
	if got, want := h.has(order), []string{"store-2"}; !slices.Equal(got, want) {
		t.Errorf("the row goes to %q, want %q", got, want)
	}
	var withdrawn int
	if err := h.db.GetContext(t.Context(), &withdrawn, "SELECT COUNT(*) FROM sync_outbox WHERE remote = 'store-1' AND table_name = 'orders'"); err != nil || withdrawn != 1 {
		t.Errorf("the row is marked %d times for the store that loses it, %v", withdrawn, err)
	}
}

// unanswered is a database of which no COMMIT is answered.
type unanswered struct{ route.Database }

func (u unanswered) In(ctx context.Context, f func(route.Tx) error) error {
	return cmp.Or(u.Database.In(ctx, f), errors.New("the connection is lost"))
}

// TestALookupTableThatMayBeStoredIsTakenOverAgain loses the answer to the COMMIT that stores its new copy: the jobs of that are not done by
// the one before, since after a restart nothing would mark the rows again.
func TestALookupTableThatMayBeStoredIsTakenOverAgain(t *testing.T) {
	t.Parallel()
	h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: "stores", Key: "region", Remote: "store"}})
	testkit.Exec(t, h.db, "INSERT INTO stores VALUES (1, 'store-1')", "INSERT INTO orders VALUES (1, 1)")
	reroute := func() {
		t.Helper()
		for range 6 { // of each table, for the store that gets rows and for that which loses them
			if err := h.RerouteNext(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(what string, want int) {
		t.Helper()
		var marks int
		if err := h.db.GetContext(t.Context(), &marks, "SELECT COUNT(*) FROM sync_outbox WHERE table_name = 'orders'"); err != nil || marks != want {
			t.Errorf("%s: %d marks, want %d; %v", what, marks, want, err)
		}
	}
	lose := func(store string) {
		t.Helper()
		testkit.Exec(t, h.db, "UPDATE stores SET store = '"+store+"'")
		h.Through(func(db route.Database) route.Database { return unanswered{db} })
		if h.LookAgain(t.Context()) == nil {
			t.Error("a COMMIT is answered")
		}
		h.Through(func(db route.Database) route.Database { return db.(unanswered).Database })
		reroute()
		expect("before it is taken over again", 0)
	}
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.record(order)
	lose("store-2")
	h.start()
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	reroute()
	expect("after a restart", 2)
	if got := h.has(order); !slices.Equal(got, []string{"store-2"}) {
		t.Errorf("%v have the row", got)
	}
	testkit.Exec(t, h.db, "DELETE FROM sync_outbox")
	lose("store-1")
	testkit.Exec(t, h.db, "DELETE FROM stores") // which is not believed: all goes on by the copy before
	if err := h.LookAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	reroute()
	expect("without the table", 2)
	if got := h.has(order); !slices.Equal(got, []string{"store-2"}) {
		t.Errorf("%v have the row", got)
	}
}

// TestARowThatIsNewWhileALookupTableChangesIsWithdrawn has a store lose the value of a row that it sent, before that is committed:
// who looks for such rows finds none.
func TestARowThatIsNewWhileALookupTableChangesIsWithdrawn(t *testing.T) {
	t.Parallel()
	h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: "stores", Key: "region", Remote: "store"}})
	testkit.Exec(t, h.db, "INSERT INTO stores VALUES (1, 'store-1')", "INSERT INTO orders VALUES (1, 1)")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	entry := version.Entry{Row: order, State: change.State{Version: change.Version{Time: 5, Origin: "store-1"}}, Fate: version.There, From: "store-1"} // nobody else needs it
	err := h.stream.Write(t.Context(), h.db, []change.Row{order}, func(tx mysqldb.Tx, w *version.Writing) error {
		if err := h.Record(t.Context(), tx, w, []version.Entry{entry}); err != nil {
			return err
		}
		testkit.Exec(t, h.db, "UPDATE stores SET store = 'store-2'")
		if err := h.LookAgain(t.Context()); err != nil {
			return err
		}
		for range 6 { // of each table, for the store that gets rows and for that which loses them
			if err := h.RerouteNext(t.Context()); err != nil {
				return err
			}
		}
		h.At(time.Now().Add(time.Hour))
		if err := h.RerouteNext(t.Context()); err == nil {
			t.Error("nobody tells that rows have waited for an hour")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Reroute(t.Context()); err != nil {
		t.Fatal(err)
	}
	var withdrawn int
	if err := h.db.GetContext(t.Context(), &withdrawn, "SELECT COUNT(*) FROM sync_outbox WHERE remote = 'store-1' AND table_name = 'orders'"); err != nil || withdrawn != 1 {
		t.Errorf("the row is marked %d times for the store that loses it, %v", withdrawn, err)
	}
}

// TestAJobWaitsForNoLaterTransactions changes a lookup table again before the job of its first change has run.
func TestAJobWaitsForNoLaterTransactions(t *testing.T) {
	t.Parallel()
	h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: "stores", Key: "region", Remote: "store"}})
	testkit.Exec(t, h.db, "INSERT INTO stores VALUES (1, 'store-1')", "INSERT INTO orders VALUES (1, 1)")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.record(order)
	alter := func(store string) {
		testkit.Exec(t, h.db, "UPDATE stores SET store = '"+store+"'")
		if err := h.LookAgain(t.Context()); err != nil {
			t.Error(err)
		}
	}
	expect := func(want int) {
		for range 12 {
			if err := h.RerouteNext(t.Context()); err != nil {
				t.Error(err)
			}
		}
		var jobs int
		if err := h.db.GetContext(t.Context(), &jobs, "SELECT COUNT(*) FROM sync_reroutes"); err != nil || jobs != want {
			t.Errorf("%d jobs are left, want %d; %v", jobs, want, err)
		}
	}
	alter("store-2")
	h.recordBefore(func() {
		alter("store-1")
		expect(6) // two for each table: for the store that gets rows, and for that which loses them
	}, change.Row{Table: "orders", Key: "2"})
	expect(0)
}

// TestARowThatFollowsWithoutAPositionIsMarked has a row move while a change to one that follows it loses, in one transaction: nothing but a mark
// brings that to its new store.
func TestARowThatFollowsWithoutAPositionIsMarked(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	testkit.Exec(t, h.db, "INSERT INTO orders VALUES (1, 1)", "INSERT INTO items VALUES (1, 1)")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		var err error
		if more, err = h.LabelNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.record(order, item)
	testkit.Exec(t, h.db, "UPDATE orders SET store = 2")
	err := h.stream.Write(t.Context(), h.db, []change.Row{order, item}, func(tx mysqldb.Tx, w *version.Writing) error {
		states, err := version.Read(t.Context(), tx, []change.Row{order, item})
		if err != nil {
			return err
		}
		return h.Record(t.Context(), tx, w, []version.Entry{{Row: order, State: states[order], Fate: version.There, Position: w.Positions(1)}, {Row: item, State: states[item], Fate: version.There}})
	})
	if err != nil {
		t.Fatal(err)
	}
	var marked []string
	if err := h.db.SelectContext(t.Context(), &marked, "SELECT remote FROM sync_outbox WHERE table_name = 'items' ORDER BY remote"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"store-1", "store-2"}; !slices.Equal(marked, want) {
		t.Errorf("it is marked for %q, want %q", marked, want)
	}
}

// TestATableThatIsLabelledLaterDoesNotFollowRowByRow has routes be new for rows with children, whose tables are labelled
// after theirs, and then only the parents' table be labelled again.
func TestATableThatIsLabelledLaterDoesNotFollowRowByRow(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	testkit.Exec(t, h.db, "INSERT INTO orders VALUES (1, 1), (2, 1), (3, 2)", "INSERT INTO items VALUES (1, 1)", "INSERT INTO parts VALUES (1, 1)")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	label := func(follow int) {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = h.LabelNext(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := h.db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM sync_moves"); err != nil || n != follow {
			t.Errorf("the children of %d rows follow them, want %d, %v", n, follow, err)
		}
		for more := n > 0; more; {
			var err error
			if more, err = h.MoveNext(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	where := func(want string) {
		t.Helper()
		for _, row := range []change.Row{order, item} {
			if got := h.has(row); !slices.Equal(got, []string{want}) {
				t.Errorf("%v: %q, want %q", row, got, want)
			}
		}
	}
	label(0)
	where("store-1")
	testkit.Exec(t, h.db, "UPDATE orders SET store = 2 WHERE id = 1")
	if err := h.Missed(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	label(1)
	where("store-2")
}

// TestAStoreThatIsAwayHoldsUpNoOtherStore has one of two stores have so many marked rows that no more are marked for it, when both get one.
func TestAStoreThatIsAwayHoldsUpNoOtherStore(t *testing.T) {
	t.Parallel()
	h := newHubWith(t, config.RouteRule{Column: "store", Lookup: &config.RouteLookup{Table: "stores", Key: "region", Remote: "store"}})
	testkit.Exec(t, h.db, "INSERT INTO orders VALUES (1, 1), (2, 2)")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.record(order, change.Row{Table: "orders", Key: "2"})
	testkit.Exec(t, h.db, `INSERT INTO sync_outbox (remote, table_name, row_id, position, token)
		WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 200)
		SELECT 'store-1', 'others', a.i * 1000 + b.i, 1, 1 FROM n a, n b LIMIT 20000`, "INSERT INTO stores VALUES (1, 'store-1'), (2, 'store-2')")
	if err := h.LookAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	expect := func(after time.Duration, jobs int, want ...string) {
		t.Helper()
		h.At(began.Add(after))
		for range 10 {
			if err := h.RerouteNext(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var marked []string
		if err := h.db.SelectContext(t.Context(), &marked, "SELECT remote FROM sync_outbox WHERE table_name = 'orders' ORDER BY remote"); err != nil || !slices.Equal(marked, want) {
			t.Errorf("after %v it is marked for %q, want %q, %v", after, marked, want, err)
		}
		var left int
		if err := h.db.GetContext(t.Context(), &left, "SELECT COUNT(*) FROM sync_reroutes"); err != nil || left != jobs {
			t.Errorf("after %v, %d jobs are left, want %d, %v", after, left, jobs, err)
		}
	}
	expect(time.Second, 3) // one for each table; it may be only slow
	expect(20*time.Second, 3, "store-2")
	h.start()
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(21*time.Second, 3, "store-2")
	expect(40*time.Second, 3, "store-2")
	testkit.Exec(t, h.db, "DELETE FROM sync_outbox WHERE table_name = 'others'")
	expect(42*time.Second, 0, "store-1", "store-2")
}

// counting counts the transactions that decide about rows, and what reads children.
type counting struct {
	route.Database
	n *int
}

func (c counting) Write(ctx context.Context, rows []change.Row, f func(route.Tx, *version.Writing) error) error {
	*c.n++
	return c.Database.Write(ctx, rows, f)
}

func (c counting) Referring(ctx context.Context, parents []change.Row, child, after string, limit int) ([]change.Row, error) {
	*c.n++
	return c.Database.Referring(ctx, parents, child, after, limit)
}

// TestTheChildrenOfManyRowsFollowTogether moves 100 rows with two children each, one of which has another 1,200.
func TestTheChildrenOfManyRowsFollowTogether(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	numbers := "WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 39) SELECT a.i * 40 + b.i AS i FROM n a, n b"
	testkit.Exec(t, h.db, "INSERT INTO orders SELECT i + 1, 1 FROM ("+numbers+") q WHERE i < 100",
		"INSERT INTO items SELECT i + 1, i DIV 2 + 1 FROM ("+numbers+") q WHERE i < 200", "INSERT INTO items SELECT i + 1001, 7 FROM ("+numbers+") q WHERE i < 1200")
	if err := h.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		var err error
		if more, err = h.LabelNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Exec(t, h.db, "UPDATE orders SET store = 2")
	var rows []change.Row
	for i := range 100 {
		rows = append(rows, change.Row{Table: "orders", Key: fmt.Sprint(i + 1)})
	}
	h.record(rows...)
	n := 0
	h.Through(func(db route.Database) route.Database { return counting{db, &n} })
	for more := true; more; {
		var err error
		if more, err = h.MoveNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n > 100 {
		t.Errorf("the children of 100 rows follow in %d steps", n)
	}
	var stay int
	if err := h.db.GetContext(t.Context(), &stay, "SELECT COUNT(*) FROM items i WHERE NOT EXISTS (SELECT 1 FROM sync_outbox o WHERE o.remote = 'store-1' AND o.table_name = 'items' AND o.row_id = CAST(i.id AS CHAR))"); err != nil || stay != 0 {
		t.Errorf("%d children stay, %v", stay, err)
	}
	for _, id := range []string{"1", "200", "1001", "2200"} {
		if got := h.has(change.Row{Table: "items", Key: id}); !slices.Equal(got, []string{"store-2"}) {
			t.Errorf("%s is at %q", id, got)
		}
	}
}
