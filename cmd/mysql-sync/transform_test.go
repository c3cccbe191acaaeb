package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

type trial struct {
	Source, Target, Operation, Result, As, Held, Error string
	Before, After                                      map[string]any
	Changed, Writes, Log                               []string
	Published                                          []struct {
		Topic, Message string
		QoS            int
		Retain         bool
	}
}

const tried = `
module.exports = async function (context) {
  const e = context.entity;
  console.log('row', e.id);
  if (e.name === 'secret') return null;
  if (e.name === 'bad') throw new Error('no good');
  const known = await context.mysql.query('SELECT COUNT(*) AS n FROM orders');
  await context.mysql.query('INSERT INTO orders VALUES (?, ?, 0)', 99, 'written');
  await context.mysql.query('CREATE TABLE made (id INT)');
  await context.mqtt.publish('shop/new', 'row ' + e.id, {qos: 1});
  e.name = context.source + '>' + context.target + ' ' + known[0].n;
  delete e.price;
  e.extra = 1;
  if (context.target === 'node-b') e.id = e.id + 1000;
  return e;
};
module.exports.onDelete = context => context.id === '3' ? null : 'x' + context.id;
`

// A script's or server's message may contain anything.
func TestErrorsCannotControlTheTerminal(t *testing.T) {
	t.Parallel()
	dir := script(t, `module.exports = context => { throw new Error('no: ' + context.entity.name) }`)
	a := newSite(t, &testkit.Broker{Host: "127.0.0.1", Port: 1}, "node-a", []string{"node-b"}, map[string]any{"transformerDirectory": dir}, orders,
		`INSERT INTO orders VALUES (1, CONCAT('x', CHAR(27), '[2J', _utf8mb4 x'C29B', 'y'), 1)`)
	if out := a.Run(1, "transform test", "orders", "1"); !strings.Contains(out, "no: x?[2J") || strings.ContainsAny(out, "\x1b\u009b") {
		t.Errorf("%q", out)
	}
}

func TestTransformTestShowsTheResult(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1} // nobody listens: nothing can be sent
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, map[string]any{"transformerDirectory": script(t, tried)}, orders,
		`INSERT INTO orders VALUES (1, 'one', 1.5), (2, 'secret', 2), (3, 'bad', 3)`)
	before := everything(t, a)
	try := func(code int, args ...string) trial {
		t.Helper()
		out := a.Run(code, "transform test", append(args, "--json")...)
		var x trial
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&x); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return x
	}
	x := try(0, "orders", "1", "--to", "node-b")
	if x.Result != "sent" || x.Operation != "upsert" || x.As != "1001" || x.Before["name"] != "one" || x.After["name"] != "node-a>node-b 3" || x.After["price"] != nil {
		t.Errorf("%+v", x)
	}
	if x.Before["id"] != 1.0 || x.After["id"] != 1001.0 {
		t.Errorf("id %v becomes %v", x.Before["id"], x.After["id"])
	}
	if len(x.Changed) != 4 { // id, name, price, extra
		t.Errorf("changed: %v", x.Changed)
	}
	if len(x.Published) != 1 || x.Published[0].Topic != "shop/new" || x.Published[0].Message != "row 1" || x.Published[0].QoS != 1 {
		t.Errorf("published: %+v", x.Published)
	}
	if len(x.Writes) != 2 || x.Writes[0] != "INSERT INTO orders VALUES (99, 'written', 0)" || len(x.Log) != 1 || x.Log[0] != "info: row 1" {
		t.Errorf("writes %q, log %q", x.Writes, x.Log)
	}
	if x := try(0, "orders", "2", "--to", "node-b"); x.Result != "deleted" || x.After != nil { // the node has never run: node-b may have it
		t.Errorf("%+v", x)
	}
	if x := try(1, "orders", "3", "--to", "node-b"); x.Result != "error" {
		t.Errorf("%+v", x)
	} else {
		has(t, x.Error, "orders.js:6", "no good")
	}
	// An incoming row must fit the table.
	if x := try(1, "orders", "1", "--from", "node-c"); x.Source != "node-c" || x.Target != "node-a" {
		t.Errorf("%+v", x)
	} else {
		has(t, x.Error, `no column "extra"`)
	}
	if x := try(0, "orders", "3", "--to", "node-b", "--delete"); x.Result != "not sent" || x.Operation != "delete" {
		t.Errorf("%+v", x)
	}
	has(t, a.Run(0, "transform test", "orders", "1", "--to", "node-c"), "orders 1  node-a → node-c", "~  name", `"node-a>node-c 3"`, "-  price", "+  extra",
		"would publish shop/new (qos 1, retain false): row 1", "would run: INSERT INTO orders", "would run: CREATE TABLE made", "log: info: row 1")
	has(t, a.Run(1, "transform test", "orders", "7", "--to", "node-b"), "no row with the id 7")
	has(t, a.Run(2, "transform test", "orders", "1"), "expected --to REMOTE")
	has(t, a.Run(2, "transform test", "orders", "1", "--to", "nobody"), "not in remoteClients")
	has(t, a.Run(2, "transform test", "items", "1", "--to", "node-b"), "in neither syncTables")
	if after := everything(t, a); after != before {
		t.Errorf("the trial changed\n%s\nto\n%s", before, after)
	}
	a.Expect(`SELECT COUNT(*) FROM orders`, "3")
}

func TestTransformTestOfACompositeKeyWithoutATransformer(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1}
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, `CREATE TABLE orders (shop VARCHAR(20), number INT, name VARCHAR(20), PRIMARY KEY (shop, number))`,
		`INSERT INTO orders VALUES ('a,b', 7, 'x')`)
	has(t, a.Run(0, "transform test", "orders", `a\,b,7`), "has no transformer", "   name", `"x"`, "   number  7")
	has(t, a.Run(0, "transform test", "orders", `a\,b,7`, "--json"), `"changed":[]`)
	has(t, a.Run(1, "transform test", "orders", `a,b,7`), "the key has 3 parts")
	has(t, a.Run(0, "transform test", "orders", `a\,b,8`, "--delete"), `Deletes the row a\,b,8.`)
}

func TestTransformTestShowsTheRemotesRow(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	dir := map[string]any{"transformerDirectory": script(t, `module.exports = c => { c.entity.id += 10; return c.entity.name === 'away' ? null : c.entity; }`)}
	a := newSite(t, b, "node-a", []string{"node-b"}, dir, orders)
	c := newSite(t, b, "node-b", []string{"node-a"}, map[string]any{"syncTables": []string{}}, orders)
	a.Start()
	c.Start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT id FROM orders`, "11")
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'successful'`, "1")
	c.Node.Stop()
	a.Exec(`UPDATE orders SET name = 'away' WHERE id = 1`)
	has(t, a.Run(0, "transform test", "orders", "1"), "not sent", "node-b currently has the row as 11: it is deleted there")
	has(t, a.Run(0, "transform test", "orders", "1", "--json"), `"result":"deleted"`, `"as":"11"`, `"held":"11"`)
	a.Exec(`INSERT INTO orders VALUES (2, 'away', 1), (3, 'away', 1)`)
	a.Expect(`SELECT COUNT(*) FROM table_changes`, "0")
	a.Exec(`UPDATE sync_versions SET origin = 'node-b' WHERE row_id = '3'`)
	has(t, a.Run(0, "transform test", "orders", "2"), "not sent", "node-b does not have the row and does not get it")
	has(t, a.Run(0, "transform test", "orders", "3"), "not sent", "node-b wrote the row itself, and no one has since: it stays there")
}

func TestTransformTestOfATransformerThatTheNodeHasNotRunYet(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1}
	dir := map[string]any{"transformerDirectory": script(t, `module.exports = ({entity}) => entity.id > 1 ? {...entity, id: entity.id + 10} : null`)}
	a := newSite(t, b, "node-a", []string{"node-b"}, dir, orders, `INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	has(t, a.Run(0, "transform test", "orders", "1"), "not sent", "node-b may have had the row as 1 since before: it is deleted there when it is next due")
	has(t, a.Run(0, "transform test", "orders", "1", "--json"), `"result":"deleted"`, `"as":"1"`, `"mayHold":"1"`)
	has(t, a.Run(0, "transform test", "orders", "2"), "Its id there is 12.", "node-b may have had it as 2 since before: that row is deleted there first.")
}

func TestANodeThatNeverRanHasNoState(t *testing.T) {
	t.Parallel()
	a := newSite(t, &testkit.Broker{Host: "127.0.0.1", Port: 1}, "node-a", []string{"node-b"}, nil, orders)
	has(t, a.Run(1, "errors"), "the node is not running, and its state cannot be read: database", "start the node once first")
}

func TestTransformTestReportsValuesThatDoNotFit(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1}
	dir := map[string]any{"transformerDirectory": script(t, `module.exports = ({entity}) => { entity.price = entity.price * 1.19; return entity; }`)}
	const table = `CREATE TABLE orders (id INT PRIMARY KEY, price DECIMAL(10,2))`
	a := newSite(t, b, "node-a", []string{"node-b"}, dir, table, `INSERT INTO orders VALUES (1, 100), (2, 1.01)`)
	a.Run(0, "transform test", "orders", "1", "--from", "node-b")
	has(t, a.Run(1, "transform test", "orders", "2", "--from", "node-b"), "table orders: column price: 1.2019 does not fit DECIMAL(10,2): it would be rounded")
	dir["allowLossy"] = map[string]any{"orders": []string{"price"}}
	a = newSite(t, b, "node-a", []string{"node-b"}, dir, table, `INSERT INTO orders VALUES (2, 1.01)`)
	a.Run(0, "transform test", "orders", "2", "--from", "node-b")
}
