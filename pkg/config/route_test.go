package config

import (
	"reflect"
	"testing"
)

func routed(routes block, also ...string) block {
	return least(block{"remoteClients": []string{"store-7", "store-8", "report"}, "syncTables": []string{"orders", "order_items", "prices", "products"},
		"routes": routes, "routeOptions": block{"also": also}})
}

func TestRoutesAreReadInEachForm(t *testing.T) {
	cfg := load(t, write(t, routed(block{
		"orders":      []block{{"column": "store", "remote": "store-{value}"}, {"column": "pickup", "remote": "store-{value}"}},
		"order_items": block{"parent": "orders"},
		"prices":      block{"column": "region", "lookup": block{"table": "store_regions", "key": "region", "remote": "store"}},
		"products":    "all",
	}, "report")))
	want := map[string]Route{
		"orders":      {Rules: []RouteRule{{Column: "store", Remote: "store-{value}"}, {Column: "pickup", Remote: "store-{value}"}}},
		"order_items": {Parent: "orders"},
		"prices":      {Rules: []RouteRule{{Column: "region", Lookup: &RouteLookup{Table: "store_regions", Key: "region", Remote: "store"}}}},
		"products":    {All: true},
	}
	if !reflect.DeepEqual(cfg.Routes, want) {
		t.Errorf("got %+v, want %+v", cfg.Routes, want)
	}
	if cfg.RouteWrite != "give" || len(cfg.RouteAlso) != 1 || cfg.Root("order_items") != "orders" || cfg.Routed("products") || !cfg.Routed("orders") {
		t.Errorf("got %q, %v, root %q", cfg.RouteWrite, cfg.RouteAlso, cfg.Root("order_items"))
	}
	if cfg.Followed("orders") != 1 || cfg.Followed("order_items") != 0 || cfg.Followed("products") != 0 {
		t.Errorf("%d tables follow orders", cfg.Followed("orders"))
	}
	rule := want["orders"].Rules[0]
	if value, ok := rule.Value("store-7"); !ok || value != "7" || rule.Named("7") != "store-7" {
		t.Errorf("got %q, %v", value, ok)
	}
	if _, ok := rule.Value("report"); ok {
		t.Error("a value stands for report")
	}
}

func TestMistakesInRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		routes block
		also   []string
		want   string
	}{
		"unknown table":        {block{"order": "all"}, nil, `routes.order: is not in syncTables; did you mean "orders"?`},
		"no column":            {block{"orders": block{"remote": "store-{value}"}}, nil, "routes.orders: expected a column, or a parent"},
		"no remote":            {block{"orders": block{"column": "store"}}, nil, `routes.orders: expected remote, such as "store-{value}", or lookup`},
		"parent and more":      {block{"orders": block{"column": "a", "remote": "{value}"}, "order_items": block{"parent": "orders", "column": "b"}}, nil, "routes.order_items: parent stands alone: the parent's route says who has the row"},
		"parent without route": {block{"order_items": block{"parent": "orders"}}, nil, `routes.order_items.parent: "orders" has no route itself; remove it`},
		"a ring":               {block{"order_items": block{"parent": "orders"}, "orders": block{"parent": "order_items"}}, nil, "routes.order_items.parent: its parents lead back to it"},
		"parent to all":        {block{"orders": "all", "order_items": block{"parent": "orders"}}, nil, `routes.order_items.parent: "orders" goes to all; write "all" here too`},
		"also":                 {block{"orders": "all"}, []string{"reports"}, `routeOptions.also: "reports" is not in remoteClients; did you mean "report"?`},
	} {
		t.Run(name, func(t *testing.T) { refused(t, write(t, routed(c.routes, c.also...)), nil, c.want) })
	}
}
