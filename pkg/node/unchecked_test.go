package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAParentMadeAnewUncheckedLeavesItsChildrenAlone makes a parent anew at one node, with
// foreign_key_checks off, while the other has changed one of its children and deleted another:
// nobody else touched the children, so those changes stand, though the parent was written later.
func TestAParentMadeAnewUncheckedLeavesItsChildrenAlone(t *testing.T) {
	t.Parallel()
	tables := []string{"p", "c", "n"}
	a, b := pair(t, testkit.AnyBroker(t), tables,
		`CREATE TABLE p (id INT PRIMARY KEY, v INT)`,
		`CREATE TABLE c (id INT PRIMARY KEY, p INT, v INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE n (id INT PRIMARY KEY, p INT, v INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL ON UPDATE CASCADE)`)
	a.Exec(`INSERT INTO p VALUES (1, 1)`, `INSERT INTO c VALUES (1, 1, 1), (2, 1, 1)`, `INSERT INTO n VALUES (1, 1, 1), (2, 1, 1)`)
	settled(t, tables, a, b)

	b.Node.Stop()
	a.Exec(`UPDATE c SET v = 2 WHERE id = 1`, `DELETE FROM c WHERE id = 2`, `UPDATE n SET v = 2 WHERE id = 1`, `DELETE FROM n WHERE id = 2`)
	b.inOne(`SET foreign_key_checks = 0`, `DELETE FROM p WHERE id = 1`, `INSERT INTO p VALUES (1, 2)`, `SET foreign_key_checks = 1`)
	b.start()
	settled(t, tables, a, b)
	for _, s := range []*site{a, b} {
		s.Expect(`SELECT p.v, c.id, c.v, n.id, n.v FROM p, c, n`, `2|1|2|1|2`)
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}
}
