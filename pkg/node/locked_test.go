package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestLocksAtTheSenderHoldUpNothingElse: a user of the sender locks a table with rows to send: first all of
// them, as the remote is new, then some, as it was away. Rows of another table carry on in both directions; in the end all is equal.
func TestLocksAtTheSenderHoldUpNothingElse(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"items", "orders"}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	for _, s := range []*site{a, c} {
		s.Exec(orders, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`)
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'first', 0)`, `INSERT INTO items VALUES (1, 0), (2, 0), (3, 0)`)
	a.start()
	for round, hold := range []func() func(){a.holdByAlter, a.holdByLock, a.holdByAlter} {
		release := hold()
		if release == nil {
			continue
		}
		c.start()
		base := 100 * (round + 1)
		c.Expect(`SELECT name FROM orders WHERE id = 1`, `"first"`)
		for i := range 5 {
			a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'a', 0)`, base+i))
			c.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, base+i), `"a"`)
			c.Exec(fmt.Sprintf(`UPDATE orders SET name = 'b' WHERE id = %d`, base+i))
			a.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, base+i), `"b"`)
		}
		if round == 0 {
			a.Node.WaitLog("a table cannot be read now.*items")
			if out := a.Run(0, "status"); !strings.Contains(out, "items cannot be read since") {
				t.Errorf("status does not report it:\n%s", out)
			}
		}
		release()
		testkit.Alike(t, `SELECT id, v FROM items ORDER BY id`, a, c)
		c.Node.Stop()
		a.Exec(fmt.Sprintf(`UPDATE items SET v = %d`, base), fmt.Sprintf(`INSERT INTO items VALUES (%d, 0)`, base))
		a.Recorded()
	}
	c.start()
	testkit.Alike(t, `SELECT id, v FROM items ORDER BY id`, a, c)
	settle(t, []*site{a, c})
}

// holdByLock holds items as a dump does. MySQL then locks table_changes as well, for the triggers: docs/limits.md.
func (s *site) holdByLock() (release func()) {
	if !strings.Contains(s.Server.Version, "MariaDB") {
		return nil
	}
	return s.hold(`LOCK TABLES items WRITE`)
}

// holdByAlter makes an ALTER of items wait for a reader's transaction, and everyone after it for the ALTER.
func (s *site) holdByAlter() (release func()) {
	s.t.Helper()
	end := s.hold(`BEGIN`, `SELECT * FROM items`)
	altered := make(chan error, 1)
	go func() {
		_, err := s.DB.ExecContext(s.t.Context(), `ALTER TABLE items COMMENT = 'altered', ALGORITHM = COPY`)
		altered <- err
	}()
	testkit.Eventually(s.t, "the ALTER waits", func() error {
		var n int
		err := s.DB.GetContext(s.t.Context(), &n, `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND STATE LIKE 'Waiting for table metadata lock' AND INFO LIKE '%ALTER TABLE items%' AND ID <> CONNECTION_ID()`)
		if err == nil && n == 0 {
			err = fmt.Errorf("it does not")
		}
		return err
	})
	return func() {
		end()
		if err := <-altered; err != nil {
			s.t.Error(err)
		}
	}
}
