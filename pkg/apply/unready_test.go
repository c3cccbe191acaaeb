package apply

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
)

// TestRowsReleaseTheirLocksUntilTheirScriptIsReady: nothing is decided before, not even in favor of the later version.
// All other rows are written, including those of the same table and those tied by a unique value. Promise 7.
func TestRowsReleaseTheirLocksUntilTheirScriptIsReady(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	r := newReceiver(t, Config{
		Policies: map[string]conflict.Policy{"orders": {Name: conflict.Script}, "pairs": {Name: conflict.Script}},
		Resolver: resolverFunc(func(local, incoming losers.Side) ([]string, [][]byte, error) {
			if !ready.Load() {
				return nil, nil, fmt.Errorf("start: %w", ErrUnready)
			}
			return incoming.Columns, incoming.Values, nil
		}),
	}, `CREATE TABLE orders (id INT PRIMARY KEY, u INT, v INT, UNIQUE (u))`, `CREATE TABLE pairs (a INT, b VARCHAR(9), v INT, PRIMARY KEY (a, b))`)
	old := []Incoming{r.row("orders", 1, 10, 1), r.row("orders", 2, 20, 1), r.row("orders", 3, 30, 1), r.row("orders", 4, 40, 1), r.row("pairs", 1, "x", 1)}
	r.apply(old...)
	conflicting := func(in Incoming, origin string) Incoming { // does not know the local row, and is earlier
		in.Version, in.Seen = at(old[0].Version.Time-5, origin), change.Vector{}
		return in
	}
	waiting := r.apply(conflicting(r.row("orders", 1, 10, 7), "node-c"), r.row("orders", 2, 20, 2), r.row("orders", 3, 40, 2), r.row("orders", 4, 30, 2),
		conflicting(r.row("pairs", 1, "x", 7), "node-c"), r.row("pairs", 2, "y", 2))
	if waiting != 2 {
		t.Errorf("%d rows wait", waiting)
	}
	var got string
	if err := r.db.Get(&got, `SELECT GROUP_CONCAT(id, ':', u, ':', v ORDER BY id) FROM orders`); err != nil || got != "1:10:1,2:20:2,3:40:2,4:30:2" {
		t.Errorf("there are %s (%v)", got, err)
	}
	// No one waits for their locks.
	for _, q := range []string{`SELECT v FROM orders WHERE id = 1 FOR UPDATE`, `SELECT v FROM pairs WHERE a = 1 FOR UPDATE`} {
		conn, err := r.db.Connx(t.Context())
		if err == nil {
			_, err = conn.ExecContext(t.Context(), `SET SESSION innodb_lock_wait_timeout = 1`)
		}
		if err == nil {
			_, err = conn.ExecContext(t.Context(), q)
		}
		if err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
	ready.Store(true)
	r.until(`SELECT (SELECT v FROM orders WHERE id = 1) + (SELECT v FROM pairs WHERE a = 1)`, 14)
}
