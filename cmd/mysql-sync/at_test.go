package main_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// pairKey is that of hq and store-17; allKey is everyone's.
const (
	pairKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	allKey  = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

func keyWith(other string) map[string]any {
	return map[string]any{"encryption": map[string]any{"keys": []any{map[string]any{"id": "pair", "key": pairKey, "clients": []string{other}}}}}
}

// refusesRow77 makes a hub refuse the row 77 of orders until the trigger is dropped.
const refusesRow77 = `CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW BEGIN IF NEW.id = 77 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such customer'; END IF; END`

// hubAndStore are a running hub and a store, which allows it some actions and shares a key with it.
func hubAndStore(t *testing.T, allowed []string, extra map[string]any) (hq, store *testkit.Site) {
	t.Helper()
	b := testkit.AnyBroker(t)
	hq = newSite(t, b, "hq", []string{"store-17"}, keyWith("store-17"), orders)
	of := keyWith("hq")
	if allowed != nil {
		of["actionsFrom"] = map[string]any{"hq": allowed}
	}
	maps.Copy(of, extra)
	store = newSite(t, b, "store-17", []string{"hq"}, of, orders)
	hq.Start()
	store.Start()
	return hq, store
}

// refused waits until a store's row is refused by its hub.
func refused(t *testing.T, hq, store *testkit.Site) {
	t.Helper()
	for _, s := range []*testkit.Site{hq, store} { // or the row is sent twice, and pending in between
		s.Expect(`SELECT COUNT(*), COUNT(finished_at) FROM sync_snapshots`, "1|1")
	}
	hq.Exec(refusesRow77)
	hq.Node.WaitLog(`definition of a table has changed.*"orders"`) // of which it tells the store, which then tries refused rows again
	store.Exec(`INSERT INTO orders VALUES (77, 'x', 1)`)
	state(t, store, "the row is refused", func(s *status.State) bool { return len(s.Remotes) == 1 && s.Remotes[0].Errors == 1 })
}

// asks runs a command at the hub until it succeeds: the two may still have to meet.
func asks(t *testing.T, hq *testkit.Site, command string, args ...string) (out string) {
	t.Helper()
	testkit.Eventually(t, command, func() error {
		code, stdout, said := testkit.Output(t, append([]string{command, hq.File}, args...)...)
		if out = stdout; code != 0 {
			return fmt.Errorf("%d: %s%s", code, stdout, said)
		}
		return nil
	})
	return out
}

// A store's refused rows are listed and sent again from its hub.
func TestErrorsAndRetryFromAfar(t *testing.T) {
	t.Parallel()
	hq, store := hubAndStore(t, []string{"look", "retry"}, nil)
	refused(t, hq, store)
	has(t, asks(t, hq, "errors", "--at", "store-17"), "orders 77 → hq", "no such customer")
	there, here := parse[status.RowError](t, hq.Run(0, "errors", "--at", "store-17", "--json")), parse[status.RowError](t, store.Run(0, "errors", "--json"))
	if len(there) != 1 || len(here) != 1 || there[0].ID != here[0].ID || there[0].Message != here[0].Message || !there[0].At.Equal(here[0].At) {
		t.Errorf("from afar %+v, there %+v", there, here)
	}
	has(t, hq.Run(0, "errors", "--at", "store-17", "--table", "orders", "--remote", "hq"), "77")
	has(t, hq.Run(2, "errors", "--at", "store-17", "--table", "secrets"), "has no table")
	hq.Exec(`DROP TRIGGER no`)
	has(t, hq.Run(0, "retry", "--at", "store-17", "--table", "orders", "--id", "77"), "1 refused row is sent again now")
	hq.Expect(`SELECT id, name FROM orders`, `77|"x"`)
	has(t, asks(t, hq, "errors", "--at", "store-17"), "no rows refused")
	store.Expect(`SELECT client, action, what, state FROM sync_acts`, `"hq"|"retry"|"table orders; row 77"|"done"`)
	has(t, strings.Join(store.Node.Log(), "\n"), "done from afar")

	// What it does not allow.
	has(t, hq.Run(2, "pause", "--at", "store-17"), `store-17 does not let hq do this: add "pause" to actionsFrom.hq`)
	has(t, hq.Run(2, "errors", "--at", "store-18"), "store-18 is in neither remoteClients nor acceptFrom")
	has(t, hq.Run(2, "errors", "--at", "hq"), "is this node itself")
	store.Expect(`SELECT COUNT(*) FROM sync_pauses`, "0")
	has(t, store.Run(2, "errors", "--at", "hq"), `hq does not let store-17 do this: add "look" to actionsFrom.store-17`)

	// Whom it cannot ask.
	store.Stop()
	testkit.Eventually(t, "the store is seen to be offline", func() error {
		code, out, said := testkit.Output(t, "retry", hq.File, "--at", "store-17")
		if code != 1 || !strings.Contains(said, "store-17 is offline: it was last heard at ") {
			return fmt.Errorf("%d: %s%s", code, out, said)
		}
		return nil
	})
	hq.Stop()
	has(t, hq.Run(1, "retry", "--at", "store-17"), "start it first")
}

// Sending is paused and resumed, tables are compared and sent again, from the hub.
func TestPauseVerifyAndResyncFromAfar(t *testing.T) {
	t.Parallel()
	hq, store := hubAndStore(t, []string{"look", "pause", "verify", "resync"}, nil)
	has(t, asks(t, hq, "pause", "--at", "store-17", "--for", "1h", "--reason", "stocktaking"), "paused: everything", "by hq (", "stocktaking")
	has(t, store.Run(0, "status"), "paused: everything", "by hq (", "stocktaking")
	store.Exec(`INSERT INTO orders VALUES (1, 'held back', 1)`)
	state(t, store, "the row waits", func(s *status.State) bool { return s.Remotes[0].Pending.Rows == 1 && len(s.Pauses) == 1 })
	has(t, hq.Run(0, "resume", "--at", "store-17"), "resumed: everything")
	hq.Expect(`SELECT name FROM orders`, `"held back"`)
	has(t, hq.Run(0, "resume", "--at", "store-17"), "nothing was paused")

	has(t, hq.Run(0, "verify", "--at", "store-17"), "✓ orders with hq: equal, 1 row")
	if list := parse[status.Comparison](t, hq.Run(0, "verify", "--at", "store-17", "orders", "--json")); len(list) != 1 || !list[0].Equal || list[0].Remote != "hq" {
		t.Errorf("%+v", list)
	}
	has(t, hq.Run(0, "resync", "orders", "--at", "store-17", "--all"), "orders will be sent to hq (all)")
	store.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE mode = 'all' AND finished_at IS NOT NULL`, "1")
	has(t, hq.Run(2, "resync", "orders", "--at", "store-17", "--where", "1"), "--where is SQL")
	has(t, hq.Run(2, "resync", "secrets", "--at", "store-17"), "has no table")
	has(t, hq.Run(1, "resync", "orders", "--at", "store-17", "--remote", "nobody"), "nobody")
	store.Expect(`SELECT action, state, COUNT(*) FROM sync_acts GROUP BY action, state ORDER BY action, state`, `"pause"|"done"|1`, `"resume"|"done"|2`, `"resync"|"done"|1`, `"resync"|"failed"|1`, `"verify"|"done"|2`)
}

// Without a key of the pair, a store may be looked at, and does nothing; the hub does not even ask.
func TestNothingIsDoneWithoutAKeyOfThePair(t *testing.T) {
	t.Parallel()
	for name, encryption := range map[string]map[string]any{"in the clear": nil, "a key of all": {"keys": []any{map[string]any{"id": "all", "key": allKey}}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testkit.AnyBroker(t)
			sealed := func(extra map[string]any) map[string]any {
				if encryption != nil {
					extra["encryption"] = encryption
				}
				return extra
			}
			hq := newSite(t, b, "hq", []string{"store-17"}, sealed(map[string]any{}), orders)
			store := newSite(t, b, "store-17", []string{"hq"}, sealed(map[string]any{"actionsFrom": map[string]any{"hq": []string{"look"}}}), orders)
			hq.Start()
			store.Start()
			has(t, asks(t, hq, "errors", "--at", "store-17"), "no rows refused")
			has(t, hq.Run(2, "retry", "--at", "store-17"), "is not encrypted with a key that only it and hq have")
			store.Config["actionsFrom"] = map[string]any{"hq": []string{"retry"}}
			store.Write()
			has(t, store.Run(2, "check"), "actionsFrom.hq  needs a key that only the two nodes have")
		})
	}
}
