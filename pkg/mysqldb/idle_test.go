package mysqldb_test

import (
	"bytes"
	"database/sql"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// silent forwards connections to a server, and no answers to one that has sent a marked statement. It returns its port.
func silent(t *testing.T, server, marked string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	forward := func(client net.Conn) {
		up, err := net.Dial("tcp", server)
		if err != nil {
			_ = client.Close()
			return
		}
		var swallows atomic.Bool
		pump := func(to, from net.Conn, pass func(b []byte) bool) {
			b := make([]byte, 64<<10)
			for {
				n, err := from.Read(b)
				if pass(b[:n]) {
					_, _ = to.Write(b[:n])
				}
				if err != nil {
					_ = errors.Join(to.Close(), from.Close())
					return
				}
			}
		}
		all.Go(func() {
			pump(up, client, func(b []byte) bool {
				swallows.Store(swallows.Load() || bytes.Contains(b, []byte(marked)))
				return true
			})
		})
		all.Go(func() { pump(client, up, func([]byte) bool { return !swallows.Load() }) })
	}
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { forward(client) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().(*net.TCPAddr).Port
}

// TestAnAnswerThatNeverComes is not waited for: users wait for the rows that the transaction has locked. The server's part, which is to
// forget the rest of a text when it is interrupted in between, is played by a network that swallows the answer.
func TestAnAnswerThatNeverComes(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Connect(t, schema, config.Variable{Name: "innodb_lock_wait_timeout", Value: 30})
	testkit.Exec(t, user, `CREATE TABLE t (id INT PRIMARY KEY, n INT)`, `INSERT INTO t VALUES (1, 0)`)
	db, err := mysqldb.Open(t.Context(), zap.NewNop(), config.MySQL{Host: server.Host, User: server.User, Password: server.Password, Database: schema,
		Port: silent(t, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), "never")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Fence(`SELECT 1`, func() { t.Error("the fence broke") })
	taken := make(chan error, 1)
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		testkit.Exec(t, tx, `UPDATE t SET n = 1`)
		go func() {
			_, err := user.ExecContext(t.Context(), `UPDATE t SET n = n + 2`)
			taken <- err
		}()
		return mysqldb.Each(t.Context(), tx, `SELECT 'never'`, nil, func(*sql.Rows) error { return nil })
	})
	if !mysqldb.Transient(err) {
		t.Errorf("the transaction ended with %v", err)
	}
	if err := <-taken; err != nil {
		t.Errorf("a user waited for its row: %v", err)
	}
	var n int
	if err := user.Get(&n, `SELECT n FROM t`); err != nil || n != 2 {
		t.Errorf("n is %d: %v", n, err)
	}
}
