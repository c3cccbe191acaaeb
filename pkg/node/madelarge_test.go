package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Large rows that scripts make of small ones are processed in parts, at the sender and at the
// receiver: no part is left out, and none is an error.
func TestLargeRowsMadeByScriptsAreHandledInParts(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"made", "taken"}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, map[string]any{"maxRowBytes": 1 << 20})
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, map[string]any{"maxRowBytes": 1 << 20})
	for _, s := range []*site{a, c} {
		for _, table := range tables {
			s.Exec("CREATE TABLE " + table + " (id INT NOT NULL PRIMARY KEY, b LONGTEXT)")
		}
	}
	const large = `module.exports = ({entity}) => ({id: entity.id, b: 'x'.repeat(8e5)});`
	a.Script("made", large)
	c.Script("taken", large)
	for _, table := range tables {
		a.Exec("INSERT INTO " + table + " WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT i, 'x' FROM n")
	}
	a.start()
	c.start()
	for _, table := range tables {
		c.Expect("SELECT COUNT(*), MIN(LENGTH(b)) FROM "+table, "40|800000")
	}
	a.Expect(testkit.Waiting, `0`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, `0`)
}
