package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const kinds = `CREATE TABLE kinds (id BIGINT NOT NULL PRIMARY KEY, amount DECIMAL(30,4), big BIGINT, flags BIT(8), doc JSON,
	day DATE, at DATETIME(6), raw VARBINARY(20), note VARCHAR(50))`

// withPeer makes a node and a peer of version 1 that are each other's remotes.
func withPeer(t *testing.T, ddl ...string) (*site, *peer) {
	t.Helper()
	b := testkit.AnyBroker(t)
	var tables []string
	for _, d := range ddl {
		tables = append(tables, strings.Fields(d)[2])
	}
	a := newSite(t, b, "node-a", []string{"peer-1"}, tables, nil)
	a.Exec(ddl...)
	return a, newPeer(t, b, "peer-1")
}

const statusOfRows = `SELECT primary_key, status, message FROM sync_status ORDER BY primary_key`

func TestVersion1PeerGetsRowsInTheFormsItStores(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, kinds)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO kinds VALUES (1, 12345678901234567890.1230, 9007199254740993, b'101', '{"a": 1}', '2024-02-29', '2024-02-29 12:34:56.123456', 'text', NULL)`)
	p.expectRow("kinds", "1", `{"amount":"12345678901234567890.1230","at":"2024-02-29 12:34:56.123456","big":"9007199254740993",`+
		`"day":"2024-02-29","doc":"{\"a\": 1}","flags":5,"id":"1","note":null,"raw":"text"}`)
	a.Exec(`UPDATE kinds SET big = -7, amount = NULL, raw = x'FF00', note = 'ä"😀' WHERE id = 1`)
	p.expectRow("kinds", "1", `{"amount":null,"at":"2024-02-29 12:34:56.123456","big":-7,`+
		`"day":"2024-02-29","doc":"{\"a\": 1}","flags":5,"id":"1","note":"ä\"😀","raw":{"type":"Buffer","data":[255,0]}}`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`)
	a.Exec(`DELETE FROM kinds WHERE id = 1`)
	p.expectRow("kinds", "1", `null`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`)
	a.Expect(testkit.Waiting, `0`)
}

func TestVersion1FormsAreAccepted(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	a, p := withPeer(t, kinds)
	a.start()
	p.connect().greet("node-a")
	all := `SELECT id, amount, big, flags+0, doc, day, at, HEX(raw), note FROM kinds ORDER BY id`
	date := p.send("node-a", "kinds", "9007199254740995", `{"id":"9007199254740995","amount":1.5,"big":-9,"flags":{"type":"Buffer","data":[5]},`+
		`"doc":"{\"a\": 1}","day":"2024-02-29","at":"2024-02-29 12:34:56.123456","raw":{"type":"Buffer","data":[255,0]},"note":"one"}`)
	whole := `9007199254740995|"1.5000"|-9|5|"{\"a\": 1}"|"2024-02-29"|"2024-02-29 12:34:56.123456"|"FF00"|"one"`
	a.Expect(all, whole)
	if got := p.expectAnswer("9007199254740995", date); got.Message != "data_received" || got.Sender != "node-a" || got.Args.Table != "kinds" {
		t.Errorf("the answer is %+v", got)
	}
	// A partial row leaves the other columns as they are.
	date = p.send("node-a", "kinds", "9007199254740995", `{"id":"9007199254740995","note":"two"}`)
	a.Expect(all, strings.Replace(whole, "one", "two", 1))
	p.expectAnswer("9007199254740995", date)
	// So do a number for the key, and text for binary columns.
	date = p.send("node-a", "kinds", "2", `{"id":2,"raw":"text"}`)
	a.Expect(`SELECT raw FROM kinds WHERE id = 2`, `"text"`)
	p.expectAnswer("2", date)
	date = p.send("node-a", "kinds", "9007199254740995", `null`)
	a.Expect(`SELECT id FROM kinds`, `2`)
	p.expectAnswer("9007199254740995", date)
	// Nothing of it is sent back.
	a.Expect(testkit.Waiting, `0`)
	p.expect("no change", func() error {
		if len(p.changes) > 0 {
			return fmt.Errorf("%v came", p.changes)
		}
		return nil
	})
}

func TestChangesWaitWhileAVersion1PeerIsAway(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	a, p := withPeer(t, orders)
	a.start().Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(statusOfRows, `"1"|"pending"|NULL`)
	p.connect()
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"one"}`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`)
	for i, end := range []func(){p.crash, p.leave} {
		end()
		a.Node.WaitLog(`client offline.*peer-1`)
		a.Exec(fmt.Sprintf(`UPDATE orders SET amount = %d`, i+2), fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'later', 0)`, i+2))
		a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'pending'`, fmt.Sprint(i+2))
		p.connect()
		p.expectRow("orders", "1", fmt.Sprintf(`{"amount":"%d.00","id":"1","name":"one"}`, i+2))
		a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, `0`)
	}
	p.expect("no change dropped", func() error {
		if p.dropped > 0 || len(p.changes) != 1+2+3 {
			return fmt.Errorf("%d were, of %d", p.dropped, len(p.changes))
		}
		return nil
	})
}

func TestAckOfAnOlderVersionLeavesTheRowPending(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	p.answer = func(v1Change) {}
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	first := p.expectChange("orders", "1", 1)
	a.Exec(`UPDATE orders SET name = 'two'`)
	a.Recorded()
	p.answerNow(func() { p.ack(first) })
	second := p.expectChange("orders", "1", 2)
	a.Expect(statusOfRows, `"1"|"pending"|NULL`)
	// Answers are recorded in order: once that of the next row is recorded, the stale one was seen.
	a.Exec(`INSERT INTO orders VALUES (2, 'other', 1)`)
	other := p.expectChange("orders", "2", 1)
	stale := second
	stale.Date--
	p.answerNow(func() { p.ack(stale); p.open[second.row()] = true; p.ack(other) })
	a.Expect(statusOfRows, `"1"|"pending"|NULL`, `"2"|"successful"|NULL`)
	p.answerNow(func() { p.ack(second) })
	a.Expect(statusOfRows, `"1"|"successful"|NULL`, `"2"|"successful"|NULL`)
}

func TestErrorOfAVersion1PeerIsShown(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	p.answer = func(c v1Change) {
		switch c.ID {
		case "1":
			p.refuse(c, strings.Repeat("é", 400))
		case "2": // as it does for an integer key
			p.refuse(c, "no such row")
			p.ack(c)
		}
	}
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	a.Expect(statusOfRows, `"1"|"error"|"`+strings.Repeat("é", 254)+`…"`, `"2"|"successful"|NULL`)
	// A newer version is sent at once, and its ack clears the error.
	p.answerNow(func() { p.answer = nil })
	a.Exec(`UPDATE orders SET amount = 3 WHERE id = 1`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`, `"2"|"successful"|NULL`)
}

func TestWrongClockOfAVersion1PeerDoesNoHarm(t *testing.T) {
	for name, skew := range map[string]time.Duration{"behind": -5 * time.Hour, "ahead": 5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := withPeer(t, orders)
			a.start()
			p.skew = skew
			p.connect().greet("node-a")
			a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
			p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"one"}`)
			date := p.send("node-a", "orders", "2", `{"id":"2","name":"two","amount":2}`)
			if got := p.expectAnswer("2", date); got.Message != "data_received" {
				t.Errorf("the answer is %+v", got)
			}
			// The node's next write is later, whatever the peer's clock says.
			a.Exec(`UPDATE orders SET name = 'deux' WHERE id = 2`)
			p.expectRow("orders", "2", `{"amount":"2.00","id":"2","name":"deux"}`)
			a.Expect(testkit.Waiting, `0`)
		})
	}
}

func TestBurstOnOneRowReachesAVersion1PeerOneByOne(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 0)`)
	for i := range 200 {
		a.Exec(fmt.Sprintf(`UPDATE orders SET amount = %d WHERE id = 1`, i))
	}
	p.expectRow("orders", "1", `{"amount":"199.00","id":"1","name":"one"}`)
	// A key that is deleted and inserted again ends as it is, not as it was.
	for range 20 {
		a.Exec(`DELETE FROM orders WHERE id = 1`, `INSERT INTO orders VALUES (1, 'back', 7)`)
	}
	p.expectRow("orders", "1", `{"amount":"7.00","id":"1","name":"back"}`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`)
}

func TestBurstOfAVersion1PeerIsAnsweredSlowly(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	p.connect().greet("node-a")
	var date int64
	for i := range 50 {
		date = p.send("node-a", "orders", "1", fmt.Sprintf(`{"id":"1","name":"one","amount":%d}`, i))
	}
	a.Expect(`SELECT amount FROM orders`, `"49.00"`)
	p.expectAnswer("1", date)
}
