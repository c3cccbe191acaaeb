package daemon_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The trigger is the one that docs/operations.md shows.
func TestTriggerOfTheUserStandsAsideWhileApplying(t *testing.T) {
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
	a.exec(`INSERT INTO orders VALUES (1, 0)`)
	c.expect(`SELECT total FROM orders`, `"0.00"`)
	a.exec(`INSERT INTO order_items VALUES (1, 1, 5)`)
	c.expect(`SELECT id, (SELECT total FROM orders) FROM order_items`, `1|"5.00"`)
	c.exec(`INSERT INTO order_items VALUES (2, 1, 7)`)
	a.expect(`SELECT id FROM order_items ORDER BY id`, `1`, `2`)
	for _, s := range []*site{a, c} {
		s.expect(`SELECT COUNT(*) FROM table_changes`, `0`)
		s.expect(testkit.Waiting, `0`)
		s.expect(`SELECT total FROM orders`, `"12.00"`)
	}
}

// A software's own switch stands in the sessions that write received rows, after a reconnect too, and in no others.
func TestSwitchOfTheUsersTriggersIsSetWhileApplying(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	extra := map[string]any{"applySession": map[string]any{"@disable_triggers": 1, "@app.user": "the 'sync'", "lc_time_names": "de_DE"}}
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"notes"}, extra)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"notes"}, extra)
	for _, s := range []*site{a, c} {
		s.exec(`CREATE TABLE notes (id INT PRIMARY KEY, v INT)`,
			`CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY, note INT, who VARCHAR(20), month VARCHAR(20))`,
			`CREATE TRIGGER notes_seen AFTER INSERT ON notes FOR EACH ROW
				INSERT INTO seen (note, who, month) VALUES (NEW.id, CONCAT(COALESCE(@disable_triggers, 'local'), ' ', COALESCE(@`+"`app.user`"+`, '')), DATE_FORMAT('2024-05-01', '%M'))`)
	}
	a.start()
	c.start()
	synced(a, c)
	a.exec(`INSERT INTO notes VALUES (1, 1)`)
	c.expect(`SELECT note, who, month FROM seen`, `1|"1 the 'sync'"|"Mai"`)
	a.expect(`SELECT note, who, month FROM seen`, `1|"local "|"May"`)
	for _, id := range connections(t, c) { // the node's, which it opens anew
		_, _ = c.db.Exec(`KILL ` + id) // it may have ended by itself
	}
	a.exec(`INSERT INTO notes VALUES (2, 1)`)
	c.expect(`SELECT note, who FROM seen ORDER BY id`, `1|"1 the 'sync'"`, `2|"1 the 'sync'"`)
}

// connections returns the connections of the site's database but the test's own.
func connections(t *testing.T, s *site) []string {
	t.Helper()
	var ids []string
	if err := s.db.Select(&ids, `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND COMMAND = 'Sleep' AND ID <> CONNECTION_ID()`, s.schema); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestSwitchThatTheServerRefusesIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"notes"}, map[string]any{"applySession": map[string]any{"lc_time_names": "nowhere"}})
	a.exec(`CREATE TABLE notes (id INT PRIMARY KEY, v INT)`)
	file := testkit.ConfigFile(t, a.config)
	runBinary(t, "run", file).expect(t, 1, "applySession cannot be set", "nowhere")
	runBinary(t, "check", file, "--listen", "1ms").expect(t, 1, "applySession cannot be set", "Remove the variable, correct its value")
}
