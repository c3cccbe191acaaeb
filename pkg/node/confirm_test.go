package node_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestNoClientLearnsRowsOfTablesNotSentToIt: a client that may write such a table writes a row's key and wins; it finds
// the row's version and names it; it loses, and hears that there is a later write. No answer contains a value, a
// checksum or a version.
func TestNoClientLearnsRowsOfTablesNotSentToIt(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"plain", "scripted", "limited"}
	a := newSite(t, b, "node-a", []string{"node-m"}, tables, map[string]any{"syncTables": []string{}, "initialSync": "none", "acceptFrom": map[string]any{
		"node-v": map[string]any{}, "node-m": map[string]any{"columns": map[string]any{"limited": []string{"shop", "number", "pin"}}}}})
	for _, name := range tables {
		a.Exec(`CREATE TABLE ` + name + ` (shop INT, number VARCHAR(20), name VARCHAR(100), pin INT, PRIMARY KEY (shop, number))`)
	}
	a.Script("scripted", `module.exports = ({entity}) => entity;`)
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	v, m, ask := newPoser(t, b, "node-v"), newPoser(t, b, "node-m"), olderNode(t, b, "node-m")
	key, all := []string{"shop", "number"}, []string{"shop", "number", "name", "pin"}
	at := in(-time.Hour, "node-v")
	later := change.Version{Time: at.Time + 1, Origin: "node-m"}
	numbers := []string{"won", "named", "lost"}
	for _, table := range tables {
		for _, number := range numbers {
			if got := v.row("node-a", table, "1,"+number, at, all, "1", number, "treasure", "4711"); len(got.Failed) > 0 {
				t.Fatalf("the ack is %+v", got)
			}
		}
		m.row("node-a", table, "1,won", later, key, "1", "won")
		a.Expect(`SELECT name, pin, (SELECT COUNT(*) FROM sync_versions WHERE table_name = '`+table+`' AND came_from = 'node-m') FROM `+table+` WHERE number = 'won'`, `"treasure"|4711|1`)
		for _, by := range []change.Version{{Time: at.Time - 1, Origin: "node-v"}, {Time: at.Time - 1, Origin: "node-m"}} {
			if got := m.row("node-a", table, "1,lost", by, []string{"shop", "number", "pin"}, "1", "lost", "1"); len(got.Failed) > 0 || strings.Contains(fmt.Sprintf("%+v", got), "treasure") {
				t.Errorf("a losing write got %+v", got)
			}
		}
	}
	sum := regexp.MustCompile(`"s(um)?":"[^"]`)
	for _, table := range tables {
		for _, question := range []string{
			`{"ask":"values","columns":["shop","number","name","pin"],"keys":KEYS,"known":KNOWN`,
			`{"ask":"values","columns":["shop","number","pin"],"keys":KEYS,"known":KNOWN,"form":2,"types":["int","varchar","int"]`,
			`{"ask":"values","columns":["pin"],"keys":KEYS,"known":KNOWN,"parts":true`,
			`{"ask":"hashes","columns":["pin"]`,
			`{"ask":"hashes","columns":["pin"],"form":2,"keys":KEYS,"known":KNOWN`,
			`{"ask":"hashes","columns":["shop","number","name","pin"],"after":AFTER,"upTo":UPTO`,
			`{"ask":"sum","columns":["pin"],"after":AFTER,"upTo":UPTO`,
			`{"ask":"sum","columns":["shop","number","name","pin"],"form":2`,
			`{"ask":"send","keys":KEYS`,
		} {
			one := func(k string) string { return strings.Trim(bytesOf(k), "[]") }
			q := strings.NewReplacer("KEYS", bytesOf("1,won", "1,named", "1,lost"), "AFTER", one("1,named"), "UPTO", one("1,won"), // won alone
				"KNOWN", fmt.Sprintf(`[{"t":%d,"o":"node-m"},{"t":%d,"o":"node-v"},{"t":%d,"o":"node-v"}]`, later.Time, at.Time, at.Time)).Replace(question)
			got := ask(q + `,"table":"` + table + `"}`)
			if strings.Contains(got, base64Of("treasure")) || strings.Contains(got, base64Of("4711")) || strings.Contains(got, `"v":[`) || sum.MatchString(got) || strings.Contains(got, `"count"`) {
				t.Errorf("%s\nof %s got %s", q, table, got)
			}
			if q == question && strings.Contains(got, fmt.Sprint(at.Time)) { // from a client that names no version
				t.Errorf("%s\nof %s learns a version: %s", q, table, got)
			}
		}
	}
}

// TestAClientsOwnRowsAreConfirmed, and nothing else: that a checksum is right, for any row that it may write; that one is wrong, for
// rows that it has sent or whose version it knows; and whether it knows the version. Wrong ones are counted by client and row.
func TestAClientsOwnRowsAreConfirmed(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", nil, []string{"orders"}, map[string]any{"syncTables": []string{}, "acceptFrom": []string{"node-v", "node-m"}})
	a.Exec(orders)
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	v, m := newPoser(t, b, "node-v"), newPoser(t, b, "node-m")
	by := map[string]func(string) string{"node-v": olderNode(t, b, "node-v"), "node-m": olderNode(t, b, "node-m")}
	at := in(-time.Minute, "node-v")
	v.orders("node-a", 1, "one", at)
	v.orders("node-a", 2, "two", at)
	values := func(id int, sum string, known change.Version) string {
		return fmt.Sprintf(`{"ask":"values","table":"orders","columns":["id","name","amount"],"types":["int","varchar","int"],"form":2,"keys":%s,"sums":["%s"],"known":[{"t":%d,"o":"%s"}]}`,
			bytesOf(fmt.Sprint(id)), sum, known.Time, known.Origin)
	}
	right, wrong, none := checksum("1", "one", "1"), checksum("1", "eins", "1"), change.Version{}
	stored := total(checksum("1", "one", "1.00"))
	for _, c := range []struct {
		what, who, question, want string
	}{
		{"its own row", "node-v", values(1, right, none), `"another":true,"w":"same"`},
		{"its own row, with the version", "node-v", values(1, right, at), fmt.Sprintf(`"t":%d,"o":"node-v","w":"same"`, at.Time)},
		{"its own row, which has changed", "node-v", values(1, wrong, at), `"w":"differs"`},
		{"its own row, which it lacks", "node-v", values(1, "", at), `"w":"differs"`},
		{"another's row", "node-m", values(1, right, none), `"another":true,"w":"same"`},
		{"another's row, of which it has another", "node-m", values(1, wrong, none), `"another":true,"w":"untold"`},
		{"another's row, of which it has another, with the version", "node-m", values(1, wrong, at), `"w":"differs"`},
		{"another's row, which it lacks", "node-m", values(1, "", none), `"w":"untold"`},
		{"a row that is not there", "node-m", values(7, right, none), bytesOf("7")[1:len(bytesOf("7"))-1] + `}`},
		{"a sum of its own", "node-v", `{"ask":"sum","table":"orders","columns":["id","name","amount"],"upTo":"MQ==","count":1,"sum":"` + stored + `"}`, `"count":1,"sum":"` + stored},
	} {
		if got := by[c.who](c.question); !strings.Contains(got, c.want) || c.who == "node-m" && !strings.Contains(c.question, fmt.Sprint(at.Time)) && strings.Contains(got, fmt.Sprint(at.Time)) {
			t.Errorf("%s: %s", c.what, got)
		}
	}
	for what, question := range map[string]string{
		"a wrong sum": `"upTo":"MQ==","count":1,"sum":"` + total(wrong) + `"`, "a right sum of another number": `"upTo":"MQ==","count":2,"sum":"` + stored + `"`,
		"that nothing is there": `"after":"Mg==","count":0,"sum":"0-0"`,
	} {
		if got := by["node-v"](`{"ask":"sum","table":"orders","columns":["id","name","amount"],` + question + `}`); strings.Contains(got, "sum") || strings.Contains(got, "count") {
			t.Errorf("%s got %s", what, got)
		}
	}
	if got := by["node-m"](`{"ask":"sum","table":"orders","columns":["id","name","amount"],"upTo":"MQ==","count":1,"sum":"` + stored + `"}`); strings.Contains(got, "sum") {
		t.Errorf("a sum of others' rows is confirmed: %s", got)
	}
	for i := range 50 {
		by["node-m"](values(2, checksum("2", fmt.Sprint("guess", i), "1"), at))
	}
	two := values(2, checksum("2", "two", "1"), at)
	for what, c := range map[string]struct{ who, question, want string }{
		"a guess too many": {"node-m", two, `"w":"untold"`}, "of another row": {"node-m", values(1, right, at), `"w":"same"`}, "by another": {"node-v", two, `"w":"same"`},
	} {
		if got := by[c.who](c.question); !strings.Contains(got, c.want) {
			t.Errorf("%s got %s", what, got)
		}
	}
	if got := m.orders("node-a", 2, "by m", in(0, "node-m")); len(got.Failed) > 0 {
		t.Errorf("a client that has guessed writes, and gets %+v", got)
	}
}

// TestVerifyByAClientThatOnlyWrites finds equality or differences, and repairs them, although it learns no value: with composite keys,
// through its transformer, with columns that are hidden from it, and however servers format documents and numbers. What another has
// written is left alone. It gives no checksum of what it does not send.
func TestVerifyByAClientThatOnlyWrites(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"parts", "taken", "limited"}
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, append(tables, "others"), map[string]any{"syncTables": []string{}, "acceptFrom": map[string]any{
		"node-b": map[string]any{}, "node-c": map[string]any{"columns": map[string]any{"limited": []string{"id", "name"}}}}})
	h := newSite(t, b, "node-b", []string{"node-a", "node-c"}, []string{"parts", "others"}, map[string]any{"receiveTables": []string{}})
	c := newSite(t, b, "node-c", []string{"node-a", "node-b"}, tables, map[string]any{"receiveTables": []string{"others"}})
	const parts = `CREATE TABLE parts (shop INT, number VARCHAR(20), price DECIMAL(%s), facts %s, note LONGTEXT%s, PRIMARY KEY (shop, number))`
	const named = `(id INT PRIMARY KEY, name VARCHAR(100), secret VARCHAR(100))`
	a.Exec(fmt.Sprintf(parts, "12,4", "LONGTEXT", ", came TIMESTAMP DEFAULT CURRENT_TIMESTAMP"))
	for _, s := range []*site{h, c} {
		s.Exec(fmt.Sprintf(parts, "10,2", "JSON", ""))
	}
	for _, s := range []*site{a, c} {
		s.Exec(`CREATE TABLE taken `+named, `CREATE TABLE limited `+named)
	}
	for _, s := range []*site{a, h, c} {
		s.Exec(`CREATE TABLE others ` + named)
	}
	const script = `module.exports = ({entity}) => { if (entity.name === 'hidden') return null; delete entity.secret; return entity; }`
	c.Script("taken", script)
	c.Script("limited", script)
	for _, s := range []*site{a, h, c} {
		s.start()
	}
	asked := make(chan []byte, 1000)
	token := testkit.MQTTClient(t, b.Server(), "listener").Subscribe("/verify/node-a/node-c", 1, func(_ mqtt.Client, m mqtt.Message) { asked <- m.Payload() })
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	c.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE remote = 'node-a' AND finished_at IS NOT NULL`, `3`)
	c.Exec(`INSERT INTO parts VALUES (1, 'a', 1.5, '{"b": 1, "a": [2]}', REPEAT('n', 20000)), (1, 'b', 2, NULL, ''), (2, 'a', 3.25, '{}', NULL)`,
		`INSERT INTO taken VALUES (1, 'one', 'treasure'), (2, 'hidden', 'treasure'), (3, 'three', NULL)`, `INSERT INTO limited VALUES (1, 'one', 'treasure'), (2, 'two', 'treasure')`)
	h.Exec(`INSERT INTO others VALUES (1, 'one', 'treasure')`)
	a.Expect(`SELECT (SELECT COUNT(*) FROM parts), (SELECT COUNT(*) FROM taken), (SELECT COUNT(*) FROM limited), (SELECT COUNT(*) FROM others)`, `3|2|2|1`)
	c.Expect(`SELECT COUNT(*) FROM others`, `1`)
	rest(c)
	rest(h)
	say := func(with []string, has ...string) {
		t.Helper()
		code, out := c.verify(append(with, "--remote", "node-a")...)
		for _, s := range has {
			if code != 1 || !strings.Contains(out, s) {
				t.Errorf("exit code %d, want %q in\n%s", code, s, out)
			}
		}
	}
	say(nil, "parts with node-a: equal, 3 rows", "taken with node-a: equal, 3 rows; 1 row is held back", "limited with node-a: equal, 2 rows", "others with node-a: no differing row found; 1 row cannot be compared")
	a.behindIn("parts", `UPDATE parts SET price = 2.01 WHERE number = 'b'`, `DELETE FROM parts WHERE shop = 2`)
	a.behindIn("taken", `UPDATE taken SET secret = 'of a' WHERE id = 1`, `UPDATE taken SET name = 'bent' WHERE id = 3`, `INSERT INTO taken VALUES (2, 'hidden', 'x')`)
	a.behindIn("limited", `UPDATE limited SET secret = 'of a' WHERE id = 1`, `UPDATE limited SET name = 'bent' WHERE id = 2`)
	say([]string{"--repair"}, "parts with node-a: 2 rows differ, 2 sent", "1,b: differs", "2,a: missing there", "taken with node-a: 1 row differs, 1 sent", "3: differs",
		"limited with node-a: 1 row differs, 1 sent", "2: differs")
	a.Expect(`SELECT shop, number, price FROM parts ORDER BY shop, number`, `1|"a"|"1.5000"`, `1|"b"|"2.0000"`, `2|"a"|"3.2500"`)
	a.Expect(`SELECT name, secret FROM taken WHERE id <> 2 ORDER BY id`, `"one"|"of a"`, `"three"|NULL`)
	a.Expect(`SELECT name, secret FROM limited ORDER BY id`, `"one"|"of a"`, `"two"|NULL`)
	rest(c)
	a.Node.Stop()
	a.start()
	a.Node.WaitLog("connected to the broker")
	h.Exec(`INSERT INTO parts VALUES (1, 'b', 9, NULL, 'by h')`)
	a.Expect(`SELECT price, note FROM parts WHERE number = 'b'`, `"9.0000"|"by h"`)
	rest(h)
	say([]string{"parts", "--repair"}, "1 row cannot be compared")
	a.Expect(`SELECT price, note FROM parts WHERE number = 'b'`, `"9.0000"|"by h"`)
	for len(asked) > 0 {
		payload := <-asked
		q, _, err := wire.ParseVerify(payload)
		switch {
		case err != nil:
			t.Error(err)
		case q == nil || q.Table == "parts":
		case q.Sum != "", strings.Join(q.Sums, "") != "" && (q.Table == "others" || slices.Contains(q.Columns, "secret")):
			t.Errorf("node-a gets checksums of what it is not sent: %s", payload)
		}
	}
}

// row sends a row with a version to a node, and returns the answer.
func (p *poser) row(to, table, key string, v change.Version, columns []string, values ...string) wire.Ack {
	p.t.Helper()
	p.seq++
	c := change.Change{Row: change.Row{Table: table, Key: key}, State: change.State{Version: v}, Columns: columns}
	for _, value := range values {
		c.Values = append(c.Values, []byte(value))
	}
	pieces := p.codec.Pack(&wire.Batch{Session: 1, Seq: p.seq, Sent: time.Now().UnixMilli(), Changes: []change.Change{c}}, 1<<20)
	if token := p.client.Publish(wire.Topics("").BatchOf(to, p.name), 1, false, pieces[0]); token.Wait() && token.Error() != nil {
		p.t.Fatal(token.Error())
	}
	return p.ack()
}

// checksum is a row's checksum, according to docs/protocol.md.
func checksum(values ...string) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%d:%s", len(v), v)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// total is the checksum of a range with one row.
func total(checksum string) string {
	return strings.ToUpper(strings.TrimLeft(checksum[:16], "0") + "-" + strings.TrimLeft(checksum[16:], "0"))
}
