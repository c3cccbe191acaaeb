package node_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// base64Of is a value as it appears in an answer.
func base64Of(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }

// TestAQuestionIsAnsweredWithTheTransformedRow, for tables that are sent to the asker. Nothing else is
// revealed, whatever is asked; of rows that it may write, only whether they are as it says.
func TestAQuestionIsAnsweredWithTheTransformedRow(t *testing.T) {
	t.Parallel()
	const table = ` (id INT PRIMARY KEY, name VARCHAR(100), secret VARCHAR(100))`
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{
		"syncTables": []string{"orders", "plain"}, "receiveTables": []string{"orders", "inbox"}, "acceptFrom": []string{"node-c"}, "initialSync": "none"})
	for _, name := range []string{"orders", "plain", "inbox", "none"} {
		a.Exec(`CREATE TABLE ` + name + table)
	}
	a.Script("orders", `module.exports = ({entity, target}) => {
		if (target === 'node-a') return entity;
		if (entity.name === 'hidden') return null;
		if (entity.name === 'moved') entity.id = 99;
		delete entity.secret;
		return entity;
	}`)
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	for _, name := range []string{"orders", "plain", "inbox", "none"} {
		a.Exec(`INSERT INTO ` + name + ` VALUES (1, 'open', 'treasure'), (2, 'hidden', 'treasure'), (3, 'moved', 'treasure')`)
	}
	f, now := newForger(t, b, "node-c"), time.Now()
	for _, table := range []string{"orders", "inbox"} {
		f.publish("node-c", f.pack(table, "7", now, []string{"id", "name", "secret"}, "7", "own", "mine"))
		if got := f.ack(); len(got.Failed) > 0 {
			t.Fatalf("the ack is %+v", got)
		}
	}
	a.Exec(`UPDATE orders SET secret = 'treasure2' WHERE id = 2`, `DELETE FROM orders WHERE id = 3`, `INSERT INTO orders VALUES (3, 'moved', 'treasure')`)
	a.Recorded()
	asker := map[string]func(string) string{"node-b": olderNode(t, b, "node-b"), "node-c": olderNode(t, b, "node-c")}
	its := strings.Trim(bytesOf("7"), "[]")
	values := func(table string) string {
		return `{"ask":"values","table":"` + table + `","columns":["id","name","secret"],"keys":` + bytesOf("1", "2", "3", "7", "8") + `}`
	}
	for _, c := range []struct {
		rule, who, question string
		has, not            []string
	}{
		{"a table without a transformer that is sent", "node-b", values("plain"), []string{base64Of("treasure"), base64Of("hidden")}, nil},
		{"its sums", "node-b", `{"ask":"sum","table":"plain","columns":["id","name","secret"]}`, []string{`"count":3`, `"sum"`}, nil},
		{"what the transformer leaves", "node-b", values("orders"), []string{base64Of("open"), `"u":[2]`},
			[]string{base64Of("treasure"), base64Of("treasure2"), base64Of("hidden"), base64Of("moved"), "held", "rekeyed"}},
		{"no checksum of what it takes", "node-b", `{"ask":"sum","table":"orders","columns":["id","name","secret"]}`, nil, []string{`"sum":"`, "count"}},
		{"nor of a row", "node-b", `{"ask":"hashes","table":"orders","columns":["secret"]}`, []string{`"k":"MQ==","s":""`}, []string{`"Mg=="`, `"Mw=="`}},
		{"not what is only received", "node-b", values("inbox"), []string{"is not synced here"}, nil},
		{"not its sum", "node-b", `{"ask":"sum","table":"inbox","columns":["id"]}`, []string{"is not synced here"}, nil},
		{"not its rows' sums", "node-b", `{"ask":"hashes","table":"inbox","columns":["id"]}`, []string{"is not synced here"}, nil},
		{"not its columns", "node-b", `{"ask":"columns","table":"inbox"}`, []string{"is not synced here"}, nil},
		{"not its rows by repair", "node-b", `{"ask":"send","table":"inbox","keys":` + bytesOf("1") + `}`, []string{"is not synced here"}, nil},
		{"not what is neither", "node-b", values("none"), []string{"is not synced here"}, nil},
		{"not what is not there", "node-b", values("nowhere"), []string{"is not synced here"}, nil},
		{"not what is not sent to it", "node-c", values("plain"), []string{"is not synced here"}, nil},
		{"that rows are there", "node-c", values("inbox"), []string{`"k":` + its + `,"w":"untold"`, `"k":"OA=="}`}, []string{base64Of("own"), base64Of("treasure"), base64Of("open"), base64Of("hidden")}},
		{"that its own are as it says", "node-c", `{"ask":"values","table":"inbox","columns":["id","name","secret"],"types":["int","varchar","varchar"],"form":2,"keys":` + bytesOf("7") +
			`,"sums":["` + checksum("7", "own", "mine") + `"]}`, []string{`"k":` + its + `,"w":"same"`}, []string{base64Of("own")}},
		{"the keys of its own alone", "node-c", `{"ask":"hashes","table":"inbox","columns":["id","secret"]}`, []string{`"k":` + its + `,"s":""`}, []string{`"MQ=="`, `"Mg=="`}},
		{"no sum of others", "node-c", `{"ask":"sum","table":"inbox","columns":["id","secret"]}`, nil, []string{`"sum":"`, "count"}},
		{"no sum of its own", "node-c", `{"ask":"sum","table":"inbox","columns":["id","secret"],"after":"Ng=="}`, nil, []string{`"sum":"`, "count"}},
		{"that the sum of its own is as it says", "node-c", `{"ask":"sum","table":"inbox","columns":["id","secret"],"count":1,"sum":"` + total(checksum("7", "mine")) + `"}`, []string{`"count":1`}, nil},
		{"no row of a table with a transformer", "node-c", values("orders"), []string{`"k":` + its + `,"w":"untold"`}, []string{base64Of("treasure"), base64Of("open"), base64Of("own")}},
	} {
		got := asker[c.who](c.question)
		for _, has := range c.has {
			if !strings.Contains(got, has) {
				t.Errorf("%s is not told: %s\nlacks %s", c.rule, got, has)
			}
		}
		for _, not := range c.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: %s\ncontains %s", c.rule, got, not)
			}
		}
	}
}

// TestVerifyOfATableReceivedFromSeveral: each sender finds its rows equal, even those that first came from another
// sender, by their versions; rows that nobody has sent are not revealed, and not called equal.
func TestVerifyOfATableReceivedFromSeveral(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"orders"}
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, tables, nil)
	h := newSite(t, b, "node-b", []string{"node-a", "node-c"}, tables, nil)
	c := newSite(t, b, "node-c", []string{"node-a", "node-b"}, tables, map[string]any{"syncTables": []string{}})
	for _, s := range []*site{a, h, c} {
		s.Exec(orders)
		s.start()
	}
	synced(a, h)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	h.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`)
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, h, c)
	h.Exec(`UPDATE orders SET name = 'changed' WHERE id = 2`)
	for _, s := range []*site{a, h, c} {
		s.Expect(`SELECT name FROM orders ORDER BY id`, `"one"`, `"changed"`, `"three"`)
	}
	rest(a, h)
	for _, s := range []*site{a, h} {
		if code, out := s.verify("--remote", "node-c"); code != 0 || !strings.Contains(out, "equal, 3 rows") {
			t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
		}
	}
	c.behind(`UPDATE orders SET name = 'bent' WHERE id <> 2`)
	if code, out := a.verify("orders", "--remote", "node-c", "--repair"); code != 1 || !strings.Contains(out, "2 sent for repair") {
		t.Errorf("altered rows: exit code %d\n%s", code, out)
	}
	c.Expect(`SELECT name FROM orders ORDER BY id`, `"one"`, `"changed"`, `"three"`)
	rest(a, h)
	c.Exec(`INSERT INTO orders VALUES (4, 'local', 4)`)
	a.behind(`INSERT INTO orders VALUES (4, 'unseen', 4)`)
	if code, out := a.verify("--remote", "node-c"); code != 1 || !strings.Contains(out, "1 row cannot be compared") {
		t.Errorf("a row of its own: exit code %d\n%s", code, out)
	}
}

// TestNoClientLearnsTheVersionThatProvesARow, neither from the answer to an older write in the author's name, nor from the
// answer to a question. A losing write does not make its sender one that has sent the row.
func TestNoClientLearnsTheVersionThatProvesARow(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{}, []string{"orders"}, map[string]any{"acceptFrom": []string{"node-v", "node-m"}, "syncTables": []string{}})
	a.Exec(orders)
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	v, m := newPoser(t, b, "node-v"), newPoser(t, b, "node-m")
	ask := olderNode(t, b, "node-m")
	older, newer := in(-2*time.Minute, "node-v"), in(-time.Minute, "node-v")
	for i, c := range []struct {
		what string
		by   change.Version
		told bool
	}{
		{"an older write in its author's name", change.Version{Time: older.Time - 1, Origin: "node-v"}, true},
		{"an older write that loses", change.Version{Time: older.Time, Origin: "node-m"}, false},
	} {
		id := i + 1
		v.orders("node-a", id, "first", older)
		v.orders("node-a", id, "secret", newer, older)
		a.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, id), `"secret"`)
		got := m.orders("node-a", id, "x", c.by)
		if len(got.Failed) > 0 || len(got.Held) > 0 != c.told || c.told && got.Held[0].Time != c.by.Time+1 {
			t.Errorf("%s got %+v", c.what, got)
		}
		answer := ask(`{"ask":"values","table":"orders","columns":["id","name"],"keys":` + bytesOf(fmt.Sprint(id)) + `}`)
		if !strings.Contains(answer, `"w":"untold"`) || strings.Contains(answer, base64Of("secret")) || strings.Contains(answer, fmt.Sprint(newer.Time)) {
			t.Errorf("after %s it learns %s", c.what, answer)
		}
	}
	a.Expect(`SELECT DISTINCT came_from FROM sync_versions`, `"node-v"`)
	if got := v.orders("node-a", 1, "second", older); len(got.Held) != 1 || got.Held[0].Time != newer.Time {
		t.Errorf("its author got %+v", got)
	}
}
