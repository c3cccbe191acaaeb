package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	stores     = 8
	remote     = 7         // the store whose link is cut
	late       = 8         // the store that joins when the others are at work
	goodsCount = 500       // products, which all stores have
	patience   = 2 * limit // nine nodes may run on a busy machine
	orderCount = 1600      // each is of one store, and has two items
)

// tablesOfFleet are those of the head office, which the stores get when they join.
var tablesOfFleet = []string{
	`CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, price DECIMAL(10,2) NOT NULL) CHARACTER SET utf8mb4`,
	`CREATE TABLE orders (id VARCHAR(20) PRIMARY KEY, store INT NOT NULL, customer VARCHAR(40) NOT NULL, KEY (store)) CHARACTER SET utf8mb4`,
	`CREATE TABLE order_items (id VARCHAR(24) PRIMARY KEY, order_id VARCHAR(20) NOT NULL, product INT NOT NULL, quantity INT NOT NULL,
		FOREIGN KEY (order_id) REFERENCES orders (id)) CHARACTER SET utf8mb4`,
	`CREATE TABLE stock (product INT PRIMARY KEY, quantity INT NOT NULL)`, // of a warehouse that all sell from
}

// fleet is the stage of the fleet's story: a head office whose node is the broker, and its stores.
type fleet struct {
	tb     testkit.TB
	ctx    context.Context
	screen *screen
	server *testkit.Database
	folder string
	broker string
	file   string // the head office's configuration
	office *sqlx.DB
	store  []*branch
}

// branch is a store.
type branch struct {
	name, file string
	number     int
	db         *sqlx.DB
}

// lead tells the story of the fleet. It fails tb unless, at the end, each store has its part and the head office has all.
func lead(ctx context.Context, tb testkit.TB, s *screen) {
	f := openOffice(ctx, tb, s)

	s.caption("1 of 6: six stores join the head office, with a token each; they get its tables, and each its own orders")
	f.joins()
	s.caption("2 of 6: a price changes at the head office; a store sells something")
	f.sells()
	s.caption("3 of 6: an order moves to another store, and its items follow it")
	f.moves()
	s.caption(fmt.Sprintf("4 of 6: the link to store-%d is cut; all go on selling, and the head office sees what is wrong", remote))
	link := f.cut()
	s.caption(fmt.Sprintf("5 of 6: meanwhile store-%d opens; then the link is back", late))
	f.open(f.broker, late)
	f.reunite(link)
	s.caption("6 of 6: each store is compared with the head office")
	f.compare()
}

// openOffice makes the head office: its tables, its rows and its node.
func openOffice(ctx context.Context, tb testkit.TB, s *screen) *fleet {
	server := testkit.MariaDB(tb)
	schema := server.Create(tb)
	f := &fleet{tb: tb, ctx: ctx, screen: s, server: server, office: server.Open(tb, schema), broker: freeAddress(tb)}
	for _, table := range tablesOfFleet {
		f.exec(f.office, table)
	}
	f.exec(f.office, `INSERT INTO products SELECT seq, CONCAT('Product ', seq), 1 + seq / 10 FROM seq_1_to_`+strconv.Itoa(goodsCount))
	f.exec(f.office, fmt.Sprintf(`INSERT INTO orders SELECT CONCAT('order-', seq), 1 + seq %% %d, CONCAT('Customer ', seq) FROM seq_1_to_%d`, stores, orderCount))
	f.exec(f.office, `INSERT INTO stock VALUES (7, 100)`)
	f.exec(f.office, `INSERT INTO order_items SELECT CONCAT(o.id, '-', s.seq), o.id, 1 + s.seq, 1 FROM orders o, seq_1_to_2 s`)
	counters := map[string]any{"stock": []string{"quantity"}}
	f.file = testkit.ConfigFile(tb, map[string]any{
		"clientName":    "office",
		"remoteClients": []string{"store-*"},
		"acceptFrom":    map[string]any{"store-*": map[string]any{"write": []string{"orders", "order_items", "stock"}}},
		"syncTables":    []string{"products", "orders", "order_items", "stock"},
		"receiveTables": []string{"orders", "order_items", "stock"},
		"counters":      counters,
		"lead":          map[string]any{"store": map[string]any{"sites": []string{"store-*"}, "keys": map[string]any{"counters": counters}}},
		"routes": map[string]any{
			"products":    "all",
			"orders":      map[string]any{"column": "store", "remote": "store-{value}"},
			"order_items": map[string]any{"parent": "orders"},
		},
		"fleet":       true,
		"mysqlConfig": map[string]any{"socketPath": server.Socket, "user": server.User, "database": schema},
		"broker": map[string]any{"listen": f.broker, "users": []map[string]any{
			{"username": "office", "password": "of the demonstration", "client": "office"},
		}},
	})
	f.folder = filepath.Dir(f.file)
	testkit.Node(tb, f.file).WaitLog("connected to the broker")
	return f
}

// exec writes to a database, as its users would.
func (f *fleet) exec(db *sqlx.DB, statement string) {
	f.tb.Helper()
	if _, err := db.Exec(statement); err != nil {
		f.tb.Fatalf("write to a database: %v", err)
	}
}

// count returns the number that a query yields.
func (f *fleet) count(db *sqlx.DB, query string) (n int) {
	f.tb.Helper()
	if err := db.Get(&n, query); err != nil {
		f.tb.Fatalf("read a database: %v", err)
	}
	return n
}

// run runs the program, which has to succeed, and returns what it printed.
func (f *fleet) run(args ...string) string {
	f.tb.Helper()
	code, out, said := testkit.Output(f.tb, args...)
	if f.ctx.Err() != nil {
		f.tb.Fatalf("interrupted")
	}
	if code != 0 {
		f.tb.Fatalf("mysql-sync %s: exit code %d\n%s%s", args[0], code, out, said)
	}
	return out
}

// joins opens all stores but the late one and the one that will be cut off.
func (f *fleet) joins() {
	f.screen.note("$ mysql-sync invite store-1 office.json         at the head office; it prints a token")
	f.screen.note("$ mysql-sync join TOKEN store-1.json --yes      at the store")
	began := time.Now()
	f.open(f.broker, 1, 2, 3, 4, 5, 6)
	f.screen.note("these stores have joined and have all their rows, %.1f s after the first invitation", time.Since(began).Seconds())
}

// open has stores join, starts their nodes, and waits for their rows.
func (f *fleet) open(broker string, numbers ...int) {
	var opened []*branch
	var joining []*exec.Cmd
	for _, number := range numbers {
		schema := f.server.Create(f.tb)
		b := &branch{name: fmt.Sprintf("store-%d", number), number: number, db: f.server.Open(f.tb, schema)}
		b.file = filepath.Join(f.folder, b.name+".json")
		token := strings.TrimSpace(f.run("invite", b.name, f.file, "--broker", "mqtt://"+broker))
		c := testkit.Command(f.tb, "join", token, b.file, "--yes", "--mysql-socket", f.server.Socket, "--mysql-user", f.server.User,
			"--mysql-database", schema, "--queue-directory", filepath.Join(f.folder, b.name))
		said := &bytes.Buffer{}
		c.Stdout, c.Stderr = said, said
		if err := c.Start(); err != nil {
			f.tb.Fatalf("start join: %v", err)
		}
		f.tb.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, unless the story was interrupted
		opened, joining = append(opened, b), append(joining, c)
	}
	for i, b := range opened {
		if err := joining[i].Wait(); err != nil {
			f.tb.Fatalf("%s does not join: %v\n%s", b.name, err, joining[i].Stdout)
		}
		testkit.Node(f.tb, b.file)
	}
	f.store = append(f.store, opened...)
	for _, b := range opened {
		f.await(b.name+" has its rows", func() bool { return f.has(b) })
		f.await(b.name+" counts the stock, as the head office says", func() bool { return f.counts(b) })
		f.screen.note("%s has %s, %s and %s", b.name, f.some(b, "products"), f.some(b, "orders"), f.some(b, "order_items"))
	}
}

// counts reports whether a store has the configuration that the head office leads.
func (f *fleet) counts(b *branch) bool {
	var led struct {
		Profiles []struct {
			Version int64 `json:"version"`
			Sites   []struct {
				Site    string `json:"site"`
				Version int64  `json:"version"`
			} `json:"sites"`
		} `json:"profiles"`
	}
	if err := json.Unmarshal([]byte(f.run("lead", "--json", f.file)), &led); err != nil {
		f.tb.Fatalf("mysql-sync lead: %v", err)
	}
	for _, p := range led.Profiles {
		for _, s := range p.Sites {
			if s.Site == b.name {
				return s.Version == p.Version
			}
		}
	}
	return false
}

// some says how many rows of a table a store has.
func (f *fleet) some(b *branch, table string) string {
	return fmt.Sprintf("%d %s", f.count(b.db, `SELECT COUNT(*) FROM `+table), strings.ReplaceAll(table, "_", " "))
}

// parts has, for each table, its columns and which rows of the head office a store has to have.
var parts = []struct{ table, columns, where string }{
	{"products", "id, name, price", "TRUE"},
	{"stock", "product, quantity", "TRUE"},
	{"orders", "id, store, customer", "store = %d"},
	{"order_items", "id, order_id, product, quantity", "order_id IN (SELECT id FROM orders WHERE store = %d)"},
}

// has reports whether a store has exactly its part of the head office's rows.
func (f *fleet) has(b *branch) bool {
	f.tb.Helper()
	for _, p := range parts {
		query := fmt.Sprintf(`SELECT CONCAT_WS('|', %s) FROM %s WHERE `, p.columns, p.table)
		where := strings.ReplaceAll(p.where, "%d", strconv.Itoa(b.number))
		if !slices.Equal(f.rows(f.office, query+where+" ORDER BY 1"), f.rows(b.db, query+"TRUE ORDER BY 1")) {
			return false
		}
	}
	return true
}

// rows returns what a query of one column yields.
func (f *fleet) rows(db *sqlx.DB, query string) (list []string) {
	f.tb.Helper()
	if err := db.Select(&list, query); err != nil {
		f.tb.Fatalf("read a database: %v", err)
	}
	return list
}

// await waits until something holds, and returns how long that took.
func (f *fleet) await(what string, holds func() bool) time.Duration {
	f.tb.Helper()
	for began := time.Now(); ; {
		if holds() {
			return time.Since(began)
		}
		if time.Since(began) > patience {
			f.tb.Fatalf("waited %s: %s: no\n%s", patience, what, f.states())
		}
		if pause.For(f.ctx, glance) != nil {
			f.tb.Fatalf("interrupted")
		}
	}
}

// states is what the head office says of the sites: which version they have of what is led, and what is wrong with them.
func (f *fleet) states() string {
	said := &strings.Builder{}
	for _, command := range []string{"lead", "fleet"} {
		_, out, problems := testkit.Output(f.tb, command, f.file) // a code that is not 0 says that a site has a problem
		fmt.Fprintf(said, "$ mysql-sync %s office.json\n%s%s", command, out, problems)
	}
	return said.String()
}

// sells changes a price, and sells something at a store.
func (f *fleet) sells() {
	f.exec(f.office, `UPDATE products SET price = 9.99 WHERE id = 7`)
	took := f.await("all stores have the price", func() bool { return f.all(`SELECT COUNT(*) FROM products WHERE id = 7 AND price = 9.99`, len(f.store)) })
	f.screen.note("office changes the price of product 7: all %d stores have it after %d ms", len(f.store), took.Milliseconds())

	b := f.branch(3)
	f.sell(b, "sale")
	took = f.await("the head office has the sale", func() bool { return f.count(f.office, `SELECT COUNT(*) FROM order_items WHERE id = 'sale-1'`) == 1 })
	f.screen.note("%s sells something: the head office has it after %d ms, no other store has it", b.name, took.Milliseconds())
	if !f.all(`SELECT COUNT(*) FROM orders WHERE id = 'sale'`, 1) {
		f.tb.Fatalf("the sale of %s is at another store", b.name)
	}
}

// sell writes an order with an item at a store.
func (f *fleet) sell(b *branch, id string) {
	f.exec(b.db, fmt.Sprintf(`INSERT INTO orders VALUES ('%s', %d, 'Customer of %s')`, id, b.number, b.name))
	f.exec(b.db, fmt.Sprintf(`INSERT INTO order_items VALUES ('%s-1', '%[1]s', 7, 1)`, id))
}

// all reports whether the counts of a query at all open stores add up to a number.
func (f *fleet) all(query string, want int) bool {
	sum := 0
	for _, b := range f.store {
		sum += f.count(b.db, query)
	}
	return sum == want
}

// branch returns an open store.
func (f *fleet) branch(number int) *branch {
	i := slices.IndexFunc(f.store, func(b *branch) bool { return b.number == number })
	return f.store[i]
}

// moves has an order go to another store.
func (f *fleet) moves() {
	from, to := f.branch(3), f.branch(5)
	f.exec(f.office, `UPDATE orders SET store = 5 WHERE id = 'sale'`)
	here := func(b *branch) int {
		return f.count(b.db, `SELECT (SELECT COUNT(*) FROM orders WHERE id = 'sale') + (SELECT COUNT(*) FROM order_items WHERE order_id = 'sale')`)
	}
	took := f.await("the order has moved", func() bool { return here(from) == 0 && here(to) == 2 })
	f.screen.note("the sale of %s is given to %s: after %d ms it is there with its item, and no longer at %s", from.name, to.name, took.Milliseconds(), from.name)
}

// cut opens a store behind a link, cuts that, and lets the store sell.
func (f *fleet) cut() *testkit.Proxy {
	link := testkit.NewProxy(f.tb, f.broker)
	f.open(link.Addr(), remote)
	link.Cut()
	b := f.branch(remote)
	for i := range 100 {
		f.sell(b, fmt.Sprintf("offline-%d", i))
	}
	f.exec(f.office, `UPDATE products SET price = price + 1 WHERE id <= 50`)
	f.screen.note("%s sells 100 times, and 50 prices change at the head office", b.name)
	for number, quantity := range map[int]int{1: 5, 2: 3, remote: 2} {
		f.exec(f.branch(number).db, fmt.Sprintf(`UPDATE stock SET quantity = quantity - %d WHERE product = 7`, quantity))
	}
	f.screen.note("the warehouse has 100 of product 7: store-1 sells 5 of them, store-2 sells 3, and %s, offline, 2", b.name)
	var told string
	f.await("the head office sees that the store is offline", func() bool {
		_, told, _ = testkit.Output(f.tb, "fleet", f.file)
		return strings.Contains(told, "offline") && strings.Contains(told, " 51")
	})
	f.screen.note("$ mysql-sync fleet office.json")
	for line := range strings.Lines(told) {
		if table := strings.HasPrefix(line, "SITE") || strings.HasPrefix(line, "store-7"); table {
			f.screen.note("    %.80s", line)
		}
	}
	return link
}

// reunite restores the link and waits until all have everything.
func (f *fleet) reunite(link *testkit.Proxy) {
	link.Restore()
	b := f.branch(remote)
	took := f.await("the store that was cut off has everything", func() bool {
		return f.count(f.office, `SELECT COUNT(*) FROM order_items WHERE id LIKE 'offline%'`) == 100 && f.has(b)
	})
	f.screen.note("the link is back: %.1f s later the head office has all that %s sold, and %s the new prices", took.Seconds(), b.name, b.name)
	f.await("all have counted what was sold", func() bool {
		return f.all(`SELECT quantity FROM stock`, 90*len(f.store)) && f.count(f.office, `SELECT quantity FROM stock`) == 90
	})
	f.screen.note("everywhere, the warehouse has 90 left")
}

// compare reports the outcome.
func (f *fleet) compare() {
	f.run("verify", f.file)
	f.screen.note("$ mysql-sync verify office.json                 compares each store's part: all are equal")
	wrong := 0
	for _, b := range f.store {
		if !f.has(b) {
			wrong++
		}
	}
	orders := f.count(f.office, `SELECT COUNT(*) FROM orders`)
	f.screen.result("head office: %d orders of %d stores; each store: 500 products and its own orders", orders, len(f.store))
	if wrong > 0 || !f.all(`SELECT COUNT(*) FROM orders`, orders) {
		f.screen.result("equal: no")
		f.tb.Fatalf("%d stores do not have their part", wrong)
	}
	f.screen.result("equal: yes")
}
