package node_test

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// load writes some hundred rows of orders per second until told to stop, and returns how many.
func (s *site) load() (stop func() int) {
	end, done, n := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(done)
		turn := time.NewTicker(2 * time.Millisecond)
		defer turn.Stop()
		for {
			select {
			case <-end:
				return
			case <-turn.C:
			}
			_, err := s.DB.Exec(`INSERT IGNORE INTO orders VALUES (?, 'load', 1)`, n+1)
			if err != nil && strings.Contains(err.Error(), "invalid connection") {
				continue // cut has hit the load's own session, between two statements
			}
			if err != nil {
				s.t.Errorf("write row %d: %v", n+1, err)
				return
			}
			n++
			if n%3 == 0 { // a row that is changed again moves in the stream
				_, _ = s.DB.Exec(`UPDATE orders SET amount = amount + 1 WHERE id = ?`, n/2+1)
			}
		}
	}()
	return sync.OnceValue(func() int { close(end); <-done; return n })
}

// cut makes the server end the connection that holds the node's lock, and idle ones with an open transaction, as the server does
// by itself after a minute.
func (s *site) cut() {
	s.t.Helper()
	var lock int64
	if err := s.DB.Get(&lock, `SELECT COALESCE(IS_USED_LOCK(CONCAT('mysql-sync ', LEFT(SHA2(?, 256), 32))), 0)`, s.Schema); err != nil {
		s.t.Fatalf("find the connection of the lock: %v", err)
	}
	var open []int64
	testkit.Eventually(s.t, "a list of sessions", func() error { // MySQL gives none while one runs a statement that is no text
		return s.DB.Select(&open, `SELECT p.ID FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
			WHERE p.DB = ? AND p.COMMAND = 'Sleep'`, s.Schema)
	})
	for _, id := range append(open, lock) {
		s.Exec(fmt.Sprintf("KILL %d", id))
	}
}

// TestAPausedNodeWritesNothingMore: a node is suspended under load, the server gives it up, another takes over and works,
// and the first resumes where it was, with connections that are still good. Promise 1.
func TestAPausedNodeWritesNothingMore(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"orders"}, orders)
	stop := a.load()
	c.Expect(`SELECT COUNT(*) > 200 FROM orders`, `1`)
	if err := syscall.Kill(a.Node.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	a.cut()
	second := testkit.Node(t, a.File)
	second.WaitLog("node started")
	var before int
	if err := c.DB.Get(&before, `SELECT COUNT(*) FROM orders`); err != nil {
		t.Fatal(err)
	}
	c.Expect(fmt.Sprintf(`SELECT COUNT(*) > %d FROM orders`, before+200), `1`)
	if err := syscall.Kill(a.Node.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code := a.Node.ExitCode(); code != 1 {
		t.Errorf("the suspended node ended with %d", code)
	}
	a.Node.WaitLog("another mysql-sync node is using this database")
	c.Exec(`INSERT INTO orders VALUES (-1, 'theirs', 1)`)
	n := stop()
	if n < 400 {
		t.Fatalf("only %d rows were written", n)
	}
	c.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(n+1))
	a.Expect(testkit.Waiting, `0`)
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}

	// If no other node took over, a node that has lost its lock takes it again and carries on.
	a.Node = second
	stop = func() func() int { a.Exec(`DELETE FROM orders`); return a.load() }()
	a.cut()
	const held = `SELECT IS_USED_LOCK(CONCAT('mysql-sync ', LEFT(SHA2(DATABASE(), 256), 32))) IS NOT NULL`
	a.Expect(held, `1`)
	n = stop()
	c.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(n))
	a.Expect(testkit.Waiting, `0`)
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
	a.Stop()
}
