package node_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestARowThatIsTooLargeBlocksItself: its sender learns the receiver's limit, shows it as an error, and sends the others; it arrives
// once it may.
func TestARowThatIsTooLargeBlocksItself(t *testing.T) {
	t.Parallel()
	const pictures = `CREATE TABLE pictures (id INT PRIMARY KEY, data LONGBLOB)`
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"pictures"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"pictures"}, map[string]any{"maxRowBytes": 1 << 20})
	a.Exec(pictures)
	c.Exec(pictures)
	a.start()
	c.start()
	a.Exec(`INSERT INTO pictures VALUES (1, REPEAT('x', 1048000)), (2, REPEAT('x', 1100000)), (3, 'small')`)
	c.Expect(`SELECT id FROM pictures ORDER BY id`, `1`, `3`)
	a.Expect(`SELECT status FROM sync_status WHERE primary_key = '2'`, `"error"`)
	got, err := a.Rows(`SELECT message FROM sync_status WHERE primary_key = '2'`)
	if err != nil || !strings.Contains(got, "maxRowBytes") || !strings.Contains(got, "node-b accepts rows of 1048576") {
		t.Errorf("got %s, %v", got, err)
	}
	c.again("maxRowBytes", 2<<20)
	c.Expect(`SELECT id, LENGTH(data) FROM pictures ORDER BY id`, `1|1048000`, `2|1100000`, `3|5`)
	a.Expect(testkit.Waiting, `0`)
}
