package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestCascadesFromAnotherSchemaAreReplicated has two nodes on one server whose tables refer to
// the same parent in a third schema; one of them has another table in between.
func TestCascadesFromAnotherSchemaAreReplicated(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	server := testkit.Shared(t)
	other := server.Create(t)
	tables := []string{"items", "parts"}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	further := newSite(t, b, "node-c", []string{"node-d"}, []string{"items"}, nil)
	const items = `CREATE TABLE items (id INT PRIMARY KEY, region INT`
	const parts = `CREATE TABLE parts (item INT, no INT, PRIMARY KEY (item, no)`
	region := `, FOREIGN KEY (region) REFERENCES ` + other + `.regions (id) ON DELETE CASCADE ON UPDATE CASCADE)`
	a.Exec(`CREATE TABLE `+other+`.regions (id INT PRIMARY KEY, name VARCHAR(10))`, items+region,
		`CREATE TABLE `+other+`.lots (id INT PRIMARY KEY, item INT, FOREIGN KEY (item) REFERENCES `+a.Schema+`.items (id) ON DELETE CASCADE)`,
		parts+`, FOREIGN KEY (item) REFERENCES `+other+`.lots (id) ON DELETE CASCADE)`)
	c.Exec(items+`)`, parts+`)`)
	further.Exec(items + region)
	for _, s := range []*site{a, c, further} {
		s.start()
	}
	synced(a, c)
	quiet(a, c, further)
	a.Exec(`INSERT INTO `+other+`.regions VALUES (1, 'n'), (2, 's'), (3, 'w')`, `INSERT INTO items VALUES (1, 1), (2, 2), (3, 3)`,
		`INSERT INTO `+other+`.lots VALUES (10, 1), (20, 2), (30, 3)`, `INSERT INTO parts VALUES (10, 1), (20, 1), (30, 1)`)
	further.Exec(`INSERT INTO items VALUES (7, 1), (8, 2)`)
	c.Expect(`SELECT COUNT(*) FROM parts`, `3`)
	further.Expect(testkit.Waiting, `2`)
	a.Exec(`DELETE FROM `+other+`.regions WHERE id = 1`, `UPDATE `+other+`.regions SET id = 9 WHERE id = 2`, `UPDATE `+other+`.regions SET name = 'x'`)
	c.Expect(`SELECT id, region FROM items ORDER BY id`, `2|9`, `3|3`)
	c.Expect(`SELECT item FROM parts ORDER BY item`, `20`, `30`)
	further.Expect(`SELECT COUNT(*) FROM sync_versions WHERE table_name = 'items' AND deleted = 1`, `1`)
	a.Exec(`DELETE FROM items WHERE id = 2`)
	c.Expect(`SELECT item FROM parts ORDER BY item`, `30`)

	triggers := fmt.Sprintf(`SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '%s'`, other)
	a.Expect(triggers, `5`) // two of each node on the regions, one on the lots
	further.Node.Stop()
	further.Run(0, "uninstall", "--yes")
	a.Exec(`DELETE FROM ` + other + `.regions WHERE id = 3`)
	c.Expect(`SELECT COUNT(*) FROM items`, `0`)
	a.Node.Stop()
	if out := a.Run(0, "uninstall"); !strings.Contains(out, other+".") {
		t.Errorf("it does not report triggers in another schema:\n%s", out)
	}
	a.Run(0, "uninstall", "--yes")
	a.Expect(triggers, `0`)
	a.Exec(`DELETE FROM ` + other + `.regions`) // nothing that the nodes left behind makes it fail
}

// TestDeniedCascadesAreReported has a user without privileges in a parent's schema,
// then with the right to read it, then with all.
func TestDeniedCascadesAreReported(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // its login cannot read the log
	b := testkit.AnyBroker(t)
	other := testkit.Shared(t).Create(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"items"}, nil)
	a.Exec(`SET GLOBAL log_bin_trust_function_creators = 1`, `CREATE TABLE `+other+`.regions (id INT PRIMARY KEY)`,
		`CREATE TABLE items (id INT PRIMARY KEY, region INT, CONSTRAINT within FOREIGN KEY (region) REFERENCES `+other+`.regions (id) ON DELETE CASCADE)`,
		`INSERT INTO `+other+`.regions VALUES (1), (2), (3)`)
	user := "outside_" + a.Schema
	a.Exec(fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY 'Secret-1'", user),
		fmt.Sprintf("GRANT %s ON %s.* TO %s@'%%'", strings.Join(documentedGrants(t), ", "), a.Schema, user))
	login := a.Block("mysqlConfig")
	login["user"], login["password"] = user, "Secret-1"
	for i, right := range []string{"", "SELECT", "TRIGGER, LOCK TABLES"} {
		if right != "" {
			a.Exec(fmt.Sprintf("GRANT %s ON %s.* TO %s@'%%'", right, other, user))
		}
		a.start()
		a.Exec(fmt.Sprintf(`INSERT INTO items VALUES (%d, %d)`, i+1, i+1))
		a.Expect(`SELECT COUNT(*) FROM table_changes`, `0`)
		a.Exec(fmt.Sprintf(`DELETE FROM %s.regions WHERE id = %d`, other, i+1))
		if i == 2 {
			a.Expect(`SELECT COUNT(*) FROM sync_versions WHERE table_name = 'items' AND deleted = 1`, `1`)
			if log := strings.Join(a.Node.Log(), "\n"); strings.Contains(log, "not captured because the user lacks") {
				t.Error("granted privileges are reported as denied:\n" + log)
			}
			break
		}
		a.Node.WaitLog("cascades of a foreign key to another database are not captured")
		testkit.Eventually(t, "a problem in the status", func() error {
			_, out, _ := testkit.Output(t, "status", a.File)
			if !strings.Contains(out, "items.within") || !strings.Contains(out, "GRANT SELECT, TRIGGER, LOCK TABLES") {
				return fmt.Errorf("the status says\n%s", out)
			}
			return nil
		})
		if out := a.checked(); !strings.Contains(out, "rows that the foreign key items.within itself deletes or changes are not captured") {
			t.Errorf("check does not report what is denied:\n%s", out)
		}
		a.Node.Stop()
	}
}
