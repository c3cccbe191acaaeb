package mysqldb_test

import (
	"bytes"
	"database/sql"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// between forwards connections to a server, as a network does, and returns its port. up sees what is sent to the server, and down says of
// each connection whether the server's bytes are passed on.
func between(t *testing.T, server string, up func(conn int, b []byte), down func(conn int) bool) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	pump := func(to, from net.Conn, passes func(b []byte) bool) {
		b := make([]byte, 64<<10)
		for {
			n, err := from.Read(b)
			if passes(b[:n]) {
				_, _ = to.Write(b[:n])
			}
			if err != nil {
				_ = errors.Join(to.Close(), from.Close())
				return
			}
		}
	}
	all.Go(func() {
		for conn := 0; ; conn++ {
			client, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			all.Go(func() {
				pump(far, client, func(b []byte) bool {
					up(conn, b)
					return true
				})
			})
			all.Go(func() { pump(client, far, func([]byte) bool { return down(conn) }) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().(*net.TCPAddr).Port
}

// through opens a fenced pool through a network.
func through(t *testing.T, server *testkit.Database, schema string, port int) *mysqldb.DB {
	t.Helper()
	db, err := mysqldb.Open(t.Context(), zap.NewNop(), config.MySQL{Host: server.Host, User: server.User, Password: server.Password, Database: schema, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	db.Fence(`SELECT 1`, func() { t.Error("the fence broke") })
	return db
}

// TestAnAnswerThatNeverComes is not waited for: users wait for the rows that the transaction has locked. The server's part, which is to
// forget the rest of a text when it is interrupted in between, is played by a network that swallows the answer.
func TestAnAnswerThatNeverComes(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Connect(t, schema, config.Variable{Name: "innodb_lock_wait_timeout", Value: 30})
	testkit.Exec(t, user, `CREATE TABLE t (id INT PRIMARY KEY, n INT)`, `INSERT INTO t VALUES (1, 0)`)
	var silent sync.Map // by connection
	db := through(t, server, schema, between(t, server.Addr(), func(conn int, b []byte) {
		if bytes.Contains(b, []byte("never")) {
			silent.Store(conn, true)
		}
	}, func(conn int) bool {
		_, is := silent.Load(conn)
		return !is
	}))
	defer db.Close()
	taken := make(chan error, 1)
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
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

// TestALineMayBeSlow: while a large statement is on its way, the server seems to wait for one.
func TestALineMayBeSlow(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	schema := server.Create(t)
	user := server.Connect(t, schema)
	testkit.Exec(t, user, `CREATE TABLE t (id INT PRIMARY KEY, v MEDIUMBLOB)`)
	db := through(t, server, schema, between(t, server.Addr(), func(_ int, b []byte) {
		time.Sleep(time.Duration(len(b)) * time.Second / (64 << 10))
	}, func(int) bool { return true }))
	defer db.Close()
	err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		var q mysqldb.Statement
		q.SQL(`INSERT INTO t VALUES (1, `)
		q.Bytes(bytes.Repeat([]byte("x"), 256<<10)) // 4 s
		q.SQL(`)`)
		return q.Exec(t.Context(), tx)
	})
	var n int
	if err := errors.Join(err, user.Get(&n, `SELECT LENGTH(v) FROM t`)); err != nil || n != 256<<10 {
		t.Errorf("%d bytes arrived: %v", n, err)
	}
}
