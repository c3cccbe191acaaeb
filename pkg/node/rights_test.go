package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestRightsOfAClient: a client writes, deletes and reads what acceptFrom lets it, in batches and in version 1, and learns what it
// may not.
func TestRightsOfAClient(t *testing.T) {
	t.Parallel()
	const table = ` (id INT PRIMARY KEY, name VARCHAR(100), price INT)`
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", nil, []string{"orders", "items"}, map[string]any{"acceptFrom": map[string]any{
		"node-b":  map[string]any{"write": []string{"orders"}, "delete": false, "columns": map[string]any{"orders": []string{"id", "name"}}},
		"node-c":  map[string]any{"write": false, "delete": []string{"items"}},
		"node-d":  map[string]any{"write": false, "read": []string{"items"}},
		"node-e":  map[string]any{"read": false},
		"peer-1":  map[string]any{"write": []string{"items"}, "delete": false, "columns": map[string]any{"items": []string{"ID", "Name"}}},
		"node-f1": map[string]any{},
	}})
	for _, name := range []string{"orders", "items"} {
		a.Exec(`CREATE TABLE `+name+table, `INSERT INTO `+name+` VALUES (1, 'old', 1), (2, 'old', 2)`)
	}
	a.start()
	p := newPeer(t, b, "peer-1").connect().greet("node-a")
	forgers, now := map[string]*forger{}, time.Now()
	for _, name := range []string{"node-b", "node-c", "node-e", "node-f1"} {
		forgers[name] = newForger(t, b, name)
	}
	all, some := []string{"id", "name", "price"}, []string{"id", "name"}
	for _, c := range []struct {
		who, table, key string
		columns         []string
		refused         string
	}{
		{"node-b", "orders", "1", some, ""},
		{"node-b", "orders", "3", some, ""},
		{"node-b", "orders", "2", all, `does not let node-b write column "price" of orders`},
		{"node-b", "orders", "2", nil, "lets node-b delete no rows of orders"},
		{"node-b", "items", "1", some, "lets node-b write no rows of items"},
		{"node-b", "items", "1", nil, "lets node-b delete no rows of items"},
		{"node-c", "orders", "1", nil, "lets node-c delete no rows of orders"},
		{"node-c", "items", "1", some, "lets node-c write no rows of items"},
		{"node-c", "items", "2", nil, ""},
		{"node-e", "items", "5", all, ""},
		{"node-f1", "items", "6", all, ""},
		{"node-f1", "orders", "2", nil, ""},
		{"node-f1", "sync_node", "2", all, "receiveTables"},
	} {
		f := forgers[c.who]
		f.publish(c.who, f.pack(c.table, c.key, now, c.columns, []string{c.key, "new", "7"}[:len(c.columns)]...))
		got := f.ack()
		if len(got.Failed) > 0 != (c.refused != "") || c.refused != "" && !strings.Contains(got.Failed[0].Message, c.refused) {
			t.Errorf("%s, %s %s: the ack is %+v", c.who, c.table, c.key, got)
		}
	}
	for _, c := range []struct{ table, id, entity, refused string }{
		{"items", "8", `{"id":"8","name":"new"}`, ""},
		{"items", "8", `{"id":"8","name":"new","price":7}`, `column "price"`},
		{"items", "1", `null`, "delete no rows of items"},
		{"orders", "8", `{"id":"8","name":"new"}`, "write no rows of orders"},
	} {
		got := p.expectAnswer(c.id, p.send("node-a", c.table, c.id, c.entity))
		if (got.Message == "error") != (c.refused != "") || !strings.Contains(got.Args.Message, c.refused) {
			t.Errorf("%s %s: the answer is %+v", c.table, c.entity, got)
		}
	}
	a.Expect(`SELECT * FROM orders ORDER BY id`, `1|"new"|1`, `3|"new"|NULL`)
	a.Expect(`SELECT * FROM items ORDER BY id`, `1|"old"|1`, `5|"new"|7`, `6|"new"|7`, `8|"new"|NULL`)
	ask := map[string]func(string) string{}
	for _, who := range []string{"node-b", "node-d", "node-f1"} {
		ask[who] = olderNode(t, b, who)
	}
	const values = `{"ask":"values","table":"items","columns":["id","name","price"],"keys":`
	for _, c := range []struct{ who, question, has, not string }{
		{"node-d", values + bytesOf("1", "5") + `}`, base64Of("old"), `"u"`},
		{"node-d", `{"ask":"sum","table":"items","columns":["id","price"]}`, `"count":4`, `error`},
		{"node-d", `{"ask":"values","table":"orders","columns":["id"],"keys":` + bytesOf("1") + `}`, "is not synced here", `"v"`},
		{"node-f1", values + bytesOf("5", "6") + `}`, `"w":"untold"`, `"v"`},
		{"node-f1", values + bytesOf("6") + `,"form":2,"types":["int","varchar","int"],"sums":["` + checksum("6", "new", "7") + `"]}`, `"w":"same"`, `"v":`},
		{"node-b", `{"ask":"values","table":"orders","columns":["id","name","price"],"keys":` + bytesOf("1") + `}`, `"u":[2]`, base64Of("1") + `],`},
		{"node-b", `{"ask":"hashes","table":"orders","columns":["price"]}`, `"s":""`, `error`},
		{"node-b", `{"ask":"columns","table":"orders"}`, `"n":"name"`, `"n":"price"`},
		{"node-b", values + bytesOf("1") + `}`, "is not synced here", `"v"`},
	} {
		if got := ask[c.who](c.question); !strings.Contains(got, c.has) || strings.Contains(got, c.not) {
			t.Errorf("%s asked %s\nand got %s\nwhich has %s or lacks %s", c.who, c.question, got, c.not, c.has)
		}
	}
}

// TestRightsApplyToCascadedDeletes: a parent's delete cascades only to what its sender might have deleted itself,
// or written, at each level.
func TestRightsApplyToCascadedDeletes(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"parents", "children", "loose", "toys"}
	a := newSite(t, b, "node-a", nil, tables, map[string]any{"foreignKeyConflict": "cascade", "acceptFrom": map[string]any{
		"peer-1": map[string]any{"write": []string{"parents", "loose"}, "delete": []string{"parents", "toys"}, "columns": map[string]any{"loose": []string{"id"}}},
		"peer-2": map[string]any{"write": true, "delete": []string{"parents", "children"}},
	}})
	const parent = `parent INT NULL, FOREIGN KEY (parent) REFERENCES `
	a.Exec(`CREATE TABLE parents (id INT PRIMARY KEY)`, `CREATE TABLE children (id INT PRIMARY KEY, `+parent+`parents (id) ON DELETE CASCADE)`,
		`CREATE TABLE loose (id INT PRIMARY KEY, `+parent+`parents (id) ON DELETE SET NULL)`, `CREATE TABLE toys (id INT PRIMARY KEY, `+parent+`children (id) ON DELETE CASCADE)`)
	a.start()
	p1, p2 := newPeer(t, b, "peer-1").connect().greet("node-a"), newPeer(t, b, "peer-2").connect().greet("node-a")
	a.Exec(`INSERT INTO parents VALUES (1), (2), (3), (4)`, `INSERT INTO children VALUES (1, 1), (3, 3), (4, 4)`, `INSERT INTO loose VALUES (2, 2), (3, 3)`, `INSERT INTO toys VALUES (4, 4)`)
	rest(a)
	for _, c := range []struct {
		p           *peer
		id, refused string
	}{
		{p1, "1", "rows of children refer to it"},
		{p1, "2", "rows of loose refer to it"},
		{p2, "3", ""},
		{p2, "4", "rows of toys refer to it"},
	} {
		got := c.p.expectAnswer(c.id, c.p.send("node-a", "parents", c.id, "null"))
		if (got.Message == "error") != (c.refused != "") || !strings.Contains(got.Args.Message, c.refused) {
			t.Errorf("%s, %s: the answer is %+v", c.p.name, c.id, got)
		}
	}
	a.Expect(`SELECT id FROM parents ORDER BY id`, `1`, `2`, `4`)
	a.Expect(`SELECT id, parent FROM loose ORDER BY id`, `2|2`, `3|NULL`)
	a.Expect(`SELECT (SELECT COUNT(*) FROM children), (SELECT COUNT(*) FROM toys)`, `2|1`)
}
