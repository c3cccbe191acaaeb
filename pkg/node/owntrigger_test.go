package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The trigger is the one in docs/operations.md.
func TestTheUsersTriggerIsSkippedDuringApply(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders", "order_items"},
		`CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(10,2) NOT NULL)`,
		`CREATE TABLE order_items (id INT PRIMARY KEY, order_id INT NOT NULL, price DECIMAL(10,2) NOT NULL)`,
		`CREATE TRIGGER orders_total AFTER INSERT ON order_items FOR EACH ROW
			BEGIN
			  IF @mysql_sync_applying IS NULL THEN
			    UPDATE orders SET total = total + NEW.price WHERE id = NEW.order_id;
			  END IF;
			END`)
	quiet(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 0)`)
	c.Expect(`SELECT total FROM orders`, `"0.00"`)
	a.Exec(`INSERT INTO order_items VALUES (1, 1, 5)`)
	c.Expect(`SELECT id, (SELECT total FROM orders) FROM order_items`, `1|"5.00"`)
	c.Exec(`INSERT INTO order_items VALUES (2, 1, 7)`)
	a.Expect(`SELECT id FROM order_items ORDER BY id`, `1`, `2`)
	for _, s := range []*site{a, c} {
		s.Recorded()
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT total FROM orders`, `"12.00"`)
	}
}

// The rows stay as the user's trigger makes them; the difference is reported where it arises, and nowhere else.
func TestRowsChangedByATriggerAreReported(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	const table = `CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20), tags SET('x','y'), price DECIMAL(10,2), made DATETIME)`
	var ddl []string
	tables := []string{"plain", "late", "harmless"}
	for _, name := range tables {
		ddl = append(ddl, fmt.Sprintf(table, name))
	}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	a.Exec(ddl...)
	c.Exec(ddl...)
	c.Exec(`CREATE TRIGGER plain_in BEFORE INSERT ON plain FOR EACH ROW SET NEW.v = UPPER(NEW.v)`,
		`CREATE TRIGGER plain_up BEFORE UPDATE ON plain FOR EACH ROW SET NEW.made = '2000-01-01'`,
		`CREATE TRIGGER harmless_in BEFORE INSERT ON harmless FOR EACH ROW SET NEW.price = ROUND(NEW.price, 2), NEW.tags = 'y,x'`)
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO harmless VALUES (1, 'a', 'x,y', 1.5, NOW())`, `INSERT INTO late VALUES (1, 'a', NULL, NULL, NULL)`, `INSERT INTO plain VALUES (7, 'A', NULL, NULL, NULL)`)
	for _, name := range tables {
		c.Expect(`SELECT COUNT(*) FROM `+name, `1`)
	}
	c.scraped(`mysql_sync_altered_values_total{table="harmless"} 0`, `mysql_sync_altered_values_total{table="late"} 0`, `mysql_sync_altered_values_total{table="plain"} 0`)
	a.Exec(`INSERT INTO plain VALUES (1, 'abc', NULL, 1, '2024-01-01')`)
	c.Node.WaitLog(`a trigger changes received rows.*"table": "plain", "column": "v", "id": "1"`)
	a.Exec(`UPDATE plain SET v = 'ABC', price = 2`)
	c.Node.WaitLog(`a trigger changes received rows.*"table": "plain", "column": "made"`)
	c.Expect(`SELECT id, v, price, made FROM plain ORDER BY id`, `1|"ABC"|"2.00"|"2000-01-01 00:00:00"`, `7|"ABC"|"2.00"|"2000-01-01 00:00:00"`)
	a.Expect(`SELECT id, v, price, made FROM plain ORDER BY id`, `1|"ABC"|"2.00"|"2024-01-01 00:00:00"`, `7|"ABC"|"2.00"|NULL`)
	a.Expect(`SELECT status, COUNT(*) FROM sync_status GROUP BY status`, `"successful"|4`)
	// A trigger that is created while the node runs is noticed too.
	c.Exec(`CREATE TRIGGER late_in BEFORE INSERT ON late FOR EACH ROW SET NEW.v = 'c'`)
	c.Node.WaitLog(`the definition of a table has changed.*late`)
	a.Exec(`INSERT INTO late VALUES (2, 'a', NULL, NULL, NULL)`)
	c.Node.WaitLog(`a trigger changes received rows.*"table": "late", "column": "v", "id": "2"`)
	text := c.scraped(`mysql_sync_altered_values_total{table="late"} 1`, `mysql_sync_altered_values_total{table="harmless"} 0`)
	if !strings.Contains(text, "mysql_sync_altered_values_total{table=\"plain\"}") {
		t.Error("the table plain has no count")
	}
	if got := c.Run(0, "status"); !strings.Contains(got, "A trigger changes rows of plain as they are received: column made") {
		t.Errorf("the status does not report it:\n%s", got)
	}
}

// A software's own switch is set in the sessions that write received rows, after a reconnect too, and in no others.
func TestTheUsersTriggerSwitchIsSetDuringApply(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	extra := map[string]any{"applySession": map[string]any{"@disable_triggers": 1, "@app.user": "the 'sync'", "lc_time_names": "de_DE"}}
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"notes"}, extra)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"notes"}, extra)
	for _, s := range []*site{a, c} {
		s.Exec(`CREATE TABLE notes (id INT PRIMARY KEY, v INT)`,
			`CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY, note INT, who VARCHAR(20), month VARCHAR(20))`,
			`CREATE TRIGGER notes_seen AFTER INSERT ON notes FOR EACH ROW
				INSERT INTO seen (note, who, month) VALUES (NEW.id, CONCAT(COALESCE(@disable_triggers, 'local'), ' ', COALESCE(@`+"`app.user`"+`, '')), DATE_FORMAT('2024-05-01', '%M'))`)
	}
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO notes VALUES (1, 1)`)
	c.Expect(`SELECT note, who, month FROM seen`, `1|"1 the 'sync'"|"Mai"`)
	a.Expect(`SELECT note, who, month FROM seen`, `1|"local "|"May"`)
	for _, id := range connections(t, c) { // the node's, which it reopens
		_, _ = c.DB.Exec(`KILL ` + id) // it may have ended by itself
	}
	a.Exec(`INSERT INTO notes VALUES (2, 1)`)
	c.Expect(`SELECT note, who FROM seen ORDER BY id`, `1|"1 the 'sync'"`, `2|"1 the 'sync'"`)
}

// connections returns the connections to the site's database except the test's own.
func connections(t *testing.T, s *site) []string {
	t.Helper()
	var ids []string
	testkit.Eventually(t, "the list of connections", func() error { // MySQL cannot show it while a statement in it has bytes that are no text
		ids = nil
		return s.DB.Select(&ids, `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND COMMAND = 'Sleep' AND ID <> CONNECTION_ID()`, s.Schema)
	})
	return ids
}

func TestAVariableThatTheServerRefusesIsReportedAtStart(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"notes"}, map[string]any{"applySession": map[string]any{"lc_time_names": "nowhere"}})
	a.Exec(`CREATE TABLE notes (id INT PRIMARY KEY, v INT)`)
	file := a.Write()
	runBinary(t, "run", file).expect(t, 1, "applySession cannot be set", "nowhere")
	runBinary(t, "check", file, "--listen", "1ms").expect(t, 1, "applySession cannot be set", "Remove the variable, correct its value")
}
