package check_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestRoutesAreJudgedByTheTables(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, `CREATE TABLE orders (id INT PRIMARY KEY, store INT, blank VARBINARY(9))`,
		`CREATE TABLE items (id INT PRIMARY KEY, ordered INT, FOREIGN KEY (ordered) REFERENCES orders (id))`,
		`CREATE TABLE notes (id INT PRIMARY KEY, KEY (id))`, `CREATE TABLE prices (id INT PRIMARY KEY, region VARCHAR(9), KEY (region))`, `CREATE TABLE regions (region VARCHAR(9) PRIMARY KEY)`)
	s.Config["syncTables"], s.Config["receiveTables"] = []string{"orders", "items", "notes", "prices"}, []string{"Sync_Sites"}
	by := func(column string) map[string]any { return map[string]any{"column": column, "remote": "store-{value}"} }
	lookup := func(table, remote string) map[string]any {
		return map[string]any{"column": "region", "lookup": map[string]any{"table": table, "key": "region", "remote": remote}}
	}
	s.Config["routes"] = map[string]any{"orders": []any{by("store"), by("shop"), by("blank")}, "notes": map[string]any{"parent": "orders"},
		"prices": []any{lookup("areas", "store"), lookup("regions", "store"), lookup("Sync_Versions", "origin")}}
	f := s.check(1)
	f.has(finding.Warning, "routes.orders", "no index begins with column store", "ADD INDEX (`store`)")
	f.has(finding.Mistake, "routes.orders", "no column shop")
	f.has(finding.Mistake, "routes.orders", "column blank, a VARBINARY, cannot be compared as text")
	f.has(finding.Mistake, "routes.notes", "follows orders, but has no foreign key to it")
	f.has(finding.Mistake, "routes.prices", "lookup table cannot be read", "areas")
	f.has(finding.Mistake, "routes.prices", "lookup table regions has no column store")
	f.has(finding.Mistake, "routes.prices", "Sync_Versions: it is mysql-sync's own")
	f.has(finding.Mistake, "Sync_Sites", "it is mysql-sync's own")
	f.has(finding.Warning, "routes", "items refers to orders, which has a route, but has none itself", `"items": {"parent": "orders"}`)

	s.Config["receiveTables"] = []string{}
	s.Exec(`ALTER TABLE orders ADD INDEX (store)`, `ALTER TABLE regions ADD COLUMN store VARCHAR(32)`)
	s.Config["routes"] = map[string]any{"orders": by("store"), "items": map[string]any{"parent": "orders"}}
	f = s.check(0)
	f.has(finding.Warning, "routes", "no route can give node-b a row", "routeOptions.also")
	s.Config["routes"].(map[string]any)["prices"] = lookup("regions", "store")
	f = s.check(0)
	for _, x := range f.in(finding.Warning, check.AreaTables) {
		if x.About == "routes" || x.About == "routes.orders" || x.About == "routes.prices" {
			t.Errorf("%+v", x)
		}
	}
}
