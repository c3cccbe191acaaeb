package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// behind runs statements that the node does not notice, in one transaction.
func (s *site) behind(statements ...string) {
	s.t.Helper()
	s.behindIn("orders", statements...)
}

// behindIn is behind for any table.
func (s *site) behindIn(table string, statements ...string) {
	s.t.Helper()
	list := make([][2]string, len(statements))
	for i, q := range statements {
		list[i] = [2]string{table, q}
	}
	testkit.Unseen(s.t, s.DB, list...)
}

// verify runs the command and returns its exit code and what it printed.
func (s *site) verify(args ...string) (int, string) {
	s.t.Helper()
	code, out, said := testkit.Output(s.t, append([]string{"verify", s.File}, args...)...)
	return code, out + said
}

func TestVerifyFindsAndRepairsDifferences(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	quiet(a, c)
	a.Exec(`INSERT INTO orders WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 49)
		SELECT 50 * x.i + y.i, 'row', x.i FROM n x, n y`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2500`)
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
	}
	if code, out := a.verify("orders"); code != 0 || !strings.Contains(out, "equal, 2500 rows") {
		t.Fatalf("equal tables: exit code %d\n%s", code, out)
	}
	c.behind(`DELETE FROM orders WHERE id = 7`, `UPDATE orders SET name = 'bent' WHERE id = 1700`, `INSERT INTO orders VALUES (9000, 'more', 1)`)
	code, out := a.verify("orders", "--json")
	if code != 1 || strings.Count(out, `"kind"`) != 3 || !strings.Contains(out, `"id":"7","kind":"missing there"`) ||
		!strings.Contains(out, `"id":"1700","kind":"differs"`) || !strings.Contains(out, `"id":"9000","kind":"missing here"`) {
		t.Fatalf("three rows differ: exit code %d\n%s", code, out)
	}
	if code, out := a.verify("orders", "--repair"); code != 1 || !strings.Contains(out, "3 sent for repair") {
		t.Fatalf("repair: exit code %d\n%s", code, out)
	}
	c.Expect(`SELECT id, name FROM orders WHERE id IN (7, 1700, 9000) ORDER BY id`, `7|"row"`, `1700|"row"`, `9000|"more"`)
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
	c.Recorded()
	c.Expect(`SELECT origin, COUNT(*) FROM sync_versions GROUP BY 1`, `"node-a"|2500`) // who is repaired has written nothing
	if code, out := c.verify(); code != 0 {
		t.Fatalf("after the repair: exit code %d\n%s", code, out)
	}
	c.Node.Stop()
	if code, out := a.verify("orders"); code != 1 || !strings.Contains(out, "is offline") {
		t.Fatalf("with a remote that is away: exit code %d\n%s", code, out)
	}
}

func TestDifferencesAreReported(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"verifyInterval": 200})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	synced(a, c) // otherwise it would bring the row back
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `1`)
	c.Exec(`TRUNCATE TABLE orders`) // fires no trigger
	a.Node.WaitLog(`tables differ.*"rows": 1`)
	a.Expect(`SELECT COUNT(*) FROM orders`, `1`)
}

// TestRepairResendsDeletesUndoneByARestore: the later of two versions stays, even if it is a delete.
func TestRepairResendsDeletesUndoneByARestore(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'here', 1), (2, 'there', 2), (3, 'stays', 3)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `3`)
	settle(t, []*site{a, c})
	a.Exec(`CREATE TABLE backup_rows AS SELECT * FROM orders`, `CREATE TABLE backup_versions AS SELECT * FROM sync_versions`)
	a.Exec(`DELETE FROM orders WHERE id = 1`)
	c.Exec(`DELETE FROM orders WHERE id = 2`)
	a.Expect(`SELECT id FROM orders`, `3`)
	c.Expect(`SELECT id FROM orders`, `3`)
	settle(t, []*site{a, c})
	for _, from := range []*site{a, c} { // no matter who asks
		a.behind(`DELETE FROM orders`, `INSERT INTO orders SELECT * FROM backup_rows`, `DELETE FROM sync_versions`,
			`INSERT INTO sync_versions SELECT * FROM backup_versions`)
		if code, out := from.verify("--repair"); code != 1 || !strings.Contains(out, "2 sent for repair") {
			t.Fatalf("%s: exit code %d\n%s", from.Name, code, out)
		}
		a.Expect(`SELECT id FROM orders`, `3`)
		c.Expect(`SELECT id FROM orders`, `3`)
		settle(t, []*site{a, c})
	}
}

// TestRepairRestoresTruncatedRows: what no trigger has seen is not a delete, no matter who asks.
func TestRepairRestoresTruncatedRows(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Exec(`INSERT INTO orders VALUES (2, 'two', 2)`)
	for _, from := range []*site{a, c} {
		a.Expect(`SELECT COUNT(*) FROM orders`, `2`)
		c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
		settle(t, []*site{a, c})
		a.behind(`DELETE FROM orders`)
		if code, out := from.verify("--repair"); code != 1 || !strings.Contains(out, "2 sent for repair") {
			t.Fatalf("%s: exit code %d\n%s", from.Name, code, out)
		}
	}
	a.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
}

// TestARowThatComesBackIsNoWrite: who lost a row and gets it again, in the version that is recorded, has written nothing.
func TestARowThatComesBackIsNoWrite(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `1`)
	rest(a, c)
	for _, mode := range [][]string{nil, {"--all"}} {
		c.behind(`DELETE FROM orders`)
		a.Run(0, "resync", append([]string{"orders"}, mode...)...)
		c.Expect(`SELECT COUNT(*) FROM orders`, `1`)
		rest(a, c)
		testkit.Alike(t, `SELECT time, origin FROM sync_versions`, a, c)
		c.Expect(`SELECT origin FROM sync_versions`, `"node-a"`)
	}
}

// TestARepairedRowHasOneVersionEverywhere: nodes outside the repair must learn the version that it made, or their
// next write would conflict with it, and might lose.
func TestARepairedRowHasOneVersionEverywhere(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	a, h, c := aroundHub(t)
	c.behind(`UPDATE orders SET name = 'bent'`)
	if code, out := h.verify("orders", "--repair"); code != 1 || !strings.Contains(out, "1 sent for repair") {
		t.Fatalf("repair: exit code %d\n%s", code, out)
	}
	c.Expect(`SELECT name FROM orders`, `"one"`)
	oneVersion(t, a, h, c)
}

// TestRepairOfAReceiveOnlyTable: the remote's row stays there, no matter who asks.
func TestRepairOfAReceiveOnlyTable(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"receiveTables": []string{}})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, map[string]any{"syncTables": []string{}})
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	for _, from := range []*site{a, c} {
		c.Expect(`SELECT name FROM orders`, `"one"`)
		rest(a, c)
		c.behind(`UPDATE orders SET name = 'bent'`)
		if code, out := from.verify("orders", "--repair"); code != 1 || !strings.Contains(out, "1 sent for repair") {
			t.Fatalf("%s: exit code %d\n%s", from.Name, code, out)
		}
		c.Expect(`SELECT name FROM orders`, `"one"`)
	}
}

// TestVerifyComparesRowsThatAreLargerThanAPacket: a server returns NULL for a text longer than max_allowed_packet, and
// such a row is still compared, value by value: the last byte of a value counts, and NULL is not a long value.
func TestVerifyComparesRowsThatAreLargerThanAPacket(t *testing.T) {
	t.Parallel()
	const (
		table = `CREATE TABLE pictures (id INT PRIMARY KEY, name VARCHAR(2000), photo LONGBLOB, note LONGTEXT, facts JSON)`
		fill  = `INSERT INTO pictures SELECT id, REPEAT('n', 10 * id), IF(id > 2, REPEAT('p', 3000000), REPEAT('q', 600000)), REPEAT('ä', 300000),
			CONCAT('{"b":1,"a":"', REPEAT('j', 2000), '"}') FROM (SELECT 1 AS id UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) i`
		small = `INSERT INTO pictures VALUES (9, 'small', NULL, '', NULL)`
	)
	b := testkit.AnyBroker(t)
	tight := testkit.Server(t, "--max-allowed-packet=1M")
	a := newSiteOn(t, tight, b, "node-a", []string{"node-b"}, []string{"pictures"}, map[string]any{"initialSync": "none"})
	c := newSiteOn(t, tight, b, "node-b", []string{"node-a"}, []string{"pictures"}, map[string]any{"initialSync": "none"})
	a.Exec(`SET GLOBAL max_allowed_packet = 16777216`)
	for _, s := range []*site{a, c} {
		wide := tight.Open(t, s.Schema) // a session keeps its initial limit
		for _, q := range []string{table, fill, small} {
			wide.MustExec(q)
		}
		s.DB = wide
	}
	a.Exec(`SET GLOBAL max_allowed_packet = 1048576`)
	a.start()
	c.start()
	equal := func() {
		t.Helper()
		for _, s := range []*site{a, c} {
			if code, out := s.verify(); code != 0 || !strings.Contains(out, "equal, 5 rows") {
				t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
			}
		}
	}
	equal()
	c.behindIn("pictures", `UPDATE pictures SET photo = CONCAT(LEFT(photo, 599999), 'x') WHERE id = 1`,
		`UPDATE pictures SET note = CONCAT(LEFT(note, 299999), 'x') WHERE id = 2`,
		`UPDATE pictures SET photo = CONCAT(LEFT(photo, 999999), 'x', SUBSTRING(photo, 1000001)) WHERE id = 3`,
		`UPDATE pictures SET photo = NULL WHERE id = 4`)
	for _, s := range []*site{a, c} {
		code, out := s.verify("--json")
		if code != 1 || !strings.Contains(out, `"rows":5,"differs":4`) || strings.Count(out, `"kind":"differs"`) != 4 || strings.Contains(out, `"id":"9"`) {
			t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
		}
	}
	// An older node asks for whole values in one text, with the checksum that docs/protocol.md has always defined. If the
	// server has none, no checksum is returned that could equal another.
	ask := olderNode(t, b, "node-b")
	c.Node.Stop()
	if sum := ask(`{"ask":"sum","table":"pictures","columns":["id","name"],"upTo":"NA=="}`); sum != `"count":4,"sum":"CF179E8D8820CA50-528727A4D8E2F89F"` {
		t.Errorf("the checksum of ordinary rows is %s", sum)
	}
	if sum := ask(`{"ask":"sum","table":"pictures","columns":["id","note","photo"]}`); sum != `"count":5` {
		t.Errorf("the checksum of rows without one is %s", sum)
	}
}

// olderNode returns a function by which a client asks node-a a question of verify as this project's first nodes do.
func olderNode(t *testing.T, b *testkit.Broker, name string) func(question string) string {
	t.Helper()
	client := testkit.MQTTClient(t, b.Server(), "older-"+name)
	answers := make(chan string, 1)
	token := client.Subscribe("/verify/"+name+"/node-a", 1, func(_ mqtt.Client, m mqtt.Message) { answers <- string(m.Payload()) })
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	return func(question string) string {
		t.Helper()
		client.Publish("/verify/node-a/"+name, 1, false, `{"question":{"id":"7",`+question[1:]+`}`)
		select {
		case a := <-answers:
			return strings.TrimSuffix(strings.TrimPrefix(a, `{"answer":{"id":"7",`), `}}`)
		case <-time.After(time.Minute):
			t.Fatal("no answer arrived")
			return ""
		}
	}
}

// TestVerifyCountsRowsSeenToBeEqual: rows that arrived while it waited for them are included in its count.
func TestVerifyCountsRowsSeenToBeEqual(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	c.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	a.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	settle(t, []*site{a, c})
	a.behind(`DELETE FROM orders`)
	seen := make(chan struct{}, 100)
	token := testkit.MQTTClient(t, b.Server(), "listener").Subscribe("/verify/node-a/node-b", 1, func(_ mqtt.Client, m mqtt.Message) {
		if strings.Contains(string(m.Payload()), `"values"`) {
			seen <- struct{}{}
		}
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	done := make(chan string)
	go func() {
		out, err := testkit.Command(t, "verify", a.File).CombinedOutput()
		done <- fmt.Sprint(string(out), err)
	}()
	<-seen // a was compared without the rows
	a.behind(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	if out := <-done; !strings.Contains(out, "equal, 2 rows") {
		t.Errorf("verify printed %s", out)
	}
}

// TestVerifyComparesDocumentsAsSuch: MariaDB keeps the spelling of a JSON column, so a document that came by way of a MySQL server is
// spelled otherwise. Two rows that differ in nothing else are equal, also where the document is long or withheld; another document is
// a difference, and so is another spelling of a text.
func TestVerifyComparesDocumentsAsSuch(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]bool{"given": true, "withheld": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, c := newPair(t, testkit.AnyBroker(t), []string{"facts"}, `CREATE TABLE facts (id INT PRIMARY KEY, j JSON, plain TEXT)`)
			ask := []*site{a, c}
			if !both {
				c.Config["syncTables"] = []string{}
				ask = ask[:1]
			}
			a.start()
			c.start()
			synced(ask...)
			a.Exec(`INSERT INTO facts VALUES (1, '{"b": 1, "a": [2, 3]}', 'x'), (2, CONCAT('{"b":1,"a":"', REPEAT('j', 2000), '"}'), '{"a":1}')`)
			c.Expect(`SELECT COUNT(*) FROM facts`, `2`)
			rest(a, c)
			c.behindIn("facts", `UPDATE facts SET j = '{"a":[2,3],"b":1}' WHERE id = 1`,
				`UPDATE facts SET j = CONCAT('{"a": "', REPEAT('j', 2000), '", "b": 1}') WHERE id = 2`)
			for _, s := range ask {
				if code, out := s.verify(); code != 0 {
					t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
				}
			}
			c.behindIn("facts", `UPDATE facts SET j = '{"a": [3, 2], "b": 1}' WHERE id = 1`, `UPDATE facts SET plain = '{"a": 1}' WHERE id = 2`)
			for _, s := range ask {
				if code, out := s.verify("--json"); code != 1 || !strings.Contains(out, `"rows":2,"differs":2`) {
					t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
				}
			}
		})
	}
}
