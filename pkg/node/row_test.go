package node_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// row waits until the command shows a row as a test wants it.
func (s *site) row(what, table, id string, right func(r *status.Row, at map[string]status.RowSite) bool) *status.Row {
	s.t.Helper()
	var r status.Row
	testkit.Eventually(s.t, what, func() error {
		code, out, said := testkit.Output(s.t, "row", "--json", s.File, table, "--", id)
		r = status.Row{}
		if code != 0 {
			return fmt.Errorf("%s%s", out, said)
		} else if err := json.Unmarshal([]byte(out), &r); err != nil {
			return err
		}
		at := map[string]status.RowSite{}
		for _, x := range r.Sites {
			at[x.Client] = x
		}
		if !right(&r, at) {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	return &r
}

// by returns who wrote a version; empty if it is not recorded yet.
func by(w *status.Written) string {
	if w == nil {
		return ""
	}
	return w.By
}

// One command shows where a row is the same, where and in what it differs, who wrote it, where it was refused and why, who cannot
// be asked, and what lost against it.
func TestARowIsShownAsItIsAtEachSite(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	none := map[string]any{"initialSync": "none"} // it would bring back a row that is deleted behind a node
	a := newSite(t, b, "node-a", []string{"node-b", "node-c", "node-d"}, []string{"orders"}, none)
	all := []*site{a}
	for _, name := range []string{"node-b", "node-c"} {
		all = append(all, newSite(t, b, name, []string{"node-a"}, []string{"orders"}, none))
	}
	for _, s := range all {
		s.Exec(orders)
	}
	for _, s := range all {
		s.start()
	}
	there, other := all[1], all[2]
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.5), (2, 'two', NULL)`)
	there.Exec(`UPDATE orders SET id = id`)
	other.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	a.row("the same everywhere", "orders", "1", func(r *status.Row, at map[string]status.RowSite) bool {
		return r.Client == "node-a" && r.ID == "1" && r.Here.Is == "there" && by(r.Here.Written) == "node-a" && r.Here.From == "" && string(r.Here.Row) == `{"id":"1","name":"one","amount":"1.50"}` &&
			at["node-b"].Is == "same" && at["node-c"].Is == "same" && by(at["node-b"].Written) == "node-a" && at["node-d"].Error == "it is offline"
	})
	other.behind(`UPDATE orders SET name = 'elsewhere', amount = 7 WHERE id = 2`)
	r := a.row("another value at one", "orders", "2", func(_ *status.Row, at map[string]status.RowSite) bool {
		return at["node-b"].Is == "same" && at["node-c"].Is == "differs" && len(at["node-c"].Columns) == 2
	})
	if d := r.Sites[1].Columns; d[0].Column != "name" || *d[0].Here != "two" || *d[0].There != "elsewhere" || d[1].Column != "amount" || d[1].Here != nil || *d[1].There != "7.00" {
		t.Errorf("node-c differs in %+v", d)
	}
	other.behind(`DELETE FROM orders WHERE id = 2`)
	a.row("missing at one", "orders", "2", func(_ *status.Row, at map[string]status.RowSite) bool { return at["node-c"].Is == "missing there" })

	other.Exec(`CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW BEGIN IF NEW.id = 3 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'; END IF; END`)
	other.Node.WaitLog("the definition of a table has changed.*orders") // later, it would have the row tried again
	there.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`)
	a.row("received, and refused by one", "orders", "3", func(r *status.Row, at map[string]status.RowSite) bool {
		x := at["node-c"]
		return r.Here.From == "node-b" && by(r.Here.Written) == "node-b" && at["node-b"].Is == "same" && x.Is == "missing there" && x.Pending && x.Refused != nil && strings.Contains(x.Refused.Message, "not here")
	})
	has := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("the command prints %s, and not %q", out, want)
			}
		}
	}
	has(a.Run(0, "row", "orders", "3"), "orders 3  is there at node-a", "received from node-b", "missing there, on its way", "not known: it is offline", "✗ node-c: refused", "not here")

	there.Exec(`DELETE FROM orders WHERE id = 1`)
	a.row("a deleted row", "orders", "1", func(r *status.Row, at map[string]status.RowSite) bool {
		return r.Here.Is == "deleted" && r.Here.From == "node-b" && r.Here.Row == nil && at["node-b"].Is == "nowhere" && at["node-c"].Is == "nowhere"
	})
	there.Stop()
	a.Exec(`UPDATE orders SET name = 'from a' WHERE id = 2`)
	a.Later()
	there.Exec(`UPDATE orders SET name = 'from b' WHERE id = 2`)
	there.start()
	a.row("a conflict", "orders", "2", func(_ *status.Row, at map[string]status.RowSite) bool { return at["node-b"].Is == "same" })
	keeper := a // the two versions met at either, or at both
	if n, err := a.Rows(`SELECT id FROM sync_conflicts`); err != nil || n == "" {
		keeper = there
	}
	keeper.row("what lost", "orders", "2", func(r *status.Row, _ map[string]status.RowSite) bool {
		return by(r.Here.Written) == "node-b" && len(r.Conflicts) == 1 && r.Conflicts[0].Loser.Origin == "node-a"
	})
	has(keeper.Run(0, "row", "orders", "2"), "lost:", "from a", "from b")
	a.row("one that no one has", "orders", "99", func(r *status.Row, at map[string]status.RowSite) bool {
		return r.Here.Is == "unknown" && r.Here.Written == nil && at["node-b"].Is == "nowhere"
	})
	code, _, said := testkit.Output(t, "row", a.File, "orders", "x")
	if code != 2 || !strings.Contains(said, "is not the id of a row of orders") {
		t.Errorf("a wrong id: %d, %s", code, said)
	}
	code, _, said = testkit.Output(t, "row", a.File, "order", "1")
	if code != 2 || !strings.Contains(said, "table order is in neither syncTables nor receiveTables") {
		t.Errorf("a wrong table: %d, %s", code, said)
	}
}

// The empty text is a key as well, and so is a text that looks like a flag.
func TestRowsWithOddKeysAreShown(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"names"}, `CREATE TABLE names (id VARCHAR(20) PRIMARY KEY, n INT)`)
	c.Exec(`CREATE TRIGGER no BEFORE INSERT ON names FOR EACH ROW BEGIN IF NEW.id = 'refused' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'; END IF; END`)
	a.Exec(`INSERT INTO names VALUES ('', 1), ('-5', 2), ('refused', 3)`)
	a.row("a row that is refused", "names", "refused", func(_ *status.Row, at map[string]status.RowSite) bool { return at["node-b"].Refused != nil })
	for _, id := range []string{"", "-5"} {
		a.row("a row with the key "+id, "names", id, func(r *status.Row, at map[string]status.RowSite) bool {
			return r.ID == id && r.Here.Is == "there" && at["node-b"].Is == "same" && at["node-b"].Refused == nil
		})
	}
}

// A hub shows that a row is not a store's by the routes, and does not call it missing there.
func TestARowOfAnotherPartIsShownAsSuch(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	const table = `CREATE TABLE orders (id INT PRIMARY KEY, store VARCHAR(20), KEY (store))`
	hub := newSite(t, b, "hub", []string{"store-1", "store-2"}, []string{"orders"}, map[string]any{"routes": map[string]any{"orders": map[string]any{"column": "store", "remote": "store-{value}"}}})
	all := []*site{hub, newSite(t, b, "store-1", []string{"hub"}, []string{"orders"}, nil), newSite(t, b, "store-2", []string{"hub"}, []string{"orders"}, nil)}
	for _, s := range all {
		s.Exec(table)
		s.start()
	}
	hub.Exec(`INSERT INTO orders VALUES (1, '1')`)
	hub.row("a row of store-1", "orders", "1", func(_ *status.Row, at map[string]status.RowSite) bool {
		return at["store-1"].Is == "same" && !at["store-1"].NotIts && at["store-2"].Is == "nowhere" && at["store-2"].NotIts
	})
	hub.Exec(`UPDATE orders SET store = '2'`)
	hub.row("the same, moved", "orders", "1", func(_ *status.Row, at map[string]status.RowSite) bool {
		return at["store-2"].Is == "same" && !at["store-2"].NotIts && at["store-1"].Is == "nowhere" && at["store-1"].NotIts
	})
	all[1].row("at the store that had it", "orders", "1", func(r *status.Row, _ map[string]status.RowSite) bool { return r.Here.Is == "withdrawn" })
}
