package binlog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestStatementsOfAllKinds reads what is more than plain rows, in its order.
func TestStatementsOfAllKinds(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`, `CREATE TABLE p (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (9), PARTITION b VALUES LESS THAN (99))`)
	s.read()
	s.session(`BEGIN`, `INSERT INTO t VALUES (1)`, `SAVEPOINT x`, `INSERT INTO t VALUES (2)`, `ROLLBACK TO x`, `INSERT INTO t VALUES (3)`, `COMMIT`,
		`BEGIN`, `INSERT INTO t VALUES (4)`, `ROLLBACK`,
		`CREATE TEMPORARY TABLE w (id INT)`, `INSERT INTO w VALUES (1)`, `DROP TEMPORARY TABLE w`,
		`CREATE TABLE c AS SELECT id FROM t WHERE id = 3`,
		`ALTER TABLE p TRUNCATE PARTITION a`, `RENAME TABLE c TO d`, `TRUNCATE t`, `DROP TABLE d`)
	got := tell(s.read())
	for i, line := range got {
		if strings.HasPrefix(line, "CREATE TABLE `c`") || strings.HasPrefix(line, "CREATE TABLE c") {
			got[i] = "CREATE TABLE c;"
		}
		if strings.HasPrefix(line, "DROP TABLE `d`") {
			got[i] = "DROP TABLE d;"
		}
	}
	want := []string{
		"insert t (01000000);", "insert t (03000000);", "CREATE TABLE c;", "insert c (03000000);",
		"ALTER TABLE p TRUNCATE PARTITION a;", "RENAME TABLE c TO d;", "TRUNCATE t;", "DROP TABLE d;",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("read\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.session(`SET SESSION binlog_format = STATEMENT`, `INSERT INTO t VALUES (8)`)
	s.expect("INSERT INTO t VALUES (8);")
}

// session runs statements in a session of their own.
func (s *site) session(queries ...string) {
	s.Helper()
	db := s.server.Open(s, s.schema)
	db.SetMaxOpenConns(1)
	testkit.Exec(s, db, queries...)
	if err := db.Close(); err != nil {
		s.Fatal(err)
	}
}

// TestPreparedTransactions reads XA transactions, which another session may end.
func TestPreparedTransactions(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`)
	s.read()
	s.session(`XA START 'a,b','q',7`, `INSERT INTO t VALUES (1)`, `XA END 'a,b','q',7`, `XA PREPARE 'a,b','q',7`)
	s.session(`XA START 'two'`, `INSERT INTO t VALUES (2)`, `XA END 'two'`, `XA PREPARE 'two'`, `XA ROLLBACK 'two'`)
	s.session(`XA START 'one'`, `INSERT INTO t VALUES (3)`, `XA END 'one'`, `XA COMMIT 'one' ONE PHASE`)
	testkit.Eventually(s, "the server to free it from its session", func() error { // until then nobody else knows it
		_, err := s.db.ExecContext(s.ctx, `XA COMMIT 'a,b','q',7`)
		return err
	})
	s.expect("insert t (01000000);", "1 X'612c62',X'71',7", "insert t (02000000);", "1 X'74776f',X'',1", "3 X'74776f',X'',1",
		"insert t (03000000);", "2 X'612c62',X'71',7")
}

// TestPiecesOfAPreparedTransaction: each says that it is to be prepared, as none of it can be seen before its COMMIT.
func TestPiecesOfAPreparedTransaction(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`)
	s.read()
	const many = `INSERT INTO t SELECT a.i * 200 + b.i FROM (WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 99) SELECT i FROM n) a,
		(WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 199) SELECT i FROM n) b`
	s.session(`XA START 'a','b',7`, many, `XA END 'a','b',7`, `XA PREPARE 'a','b',7`, `XA ROLLBACK 'a','b',7`)
	s.session(`XA START 'c'`, many, `XA END 'c'`, `XA COMMIT 'c' ONE PHASE`)
	var got []string
	for _, x := range s.read() {
		got = append(got, fmt.Sprintf("%d %s %d %t", x.XA.Phase, x.XA.ID, len(x.Changes), x.Last))
	}
	want := []string{"1 X'61',X'62',7 10000 false", "1 X'61',X'62',7 10000 true", "3 X'61',X'62',7 0 true", "1 X'63',X'',1 10000 false", "0 X'63',X'',1 10000 true"}
	if s.mariaDB { // it logs what commits at once as any other transaction
		want[3], want[4] = "0  10000 false", "0  10000 true"
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestImagesThatLackColumns reads rows of sessions that log less.
func TestImagesThatLackColumns(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY, n INT, b TEXT)`)
	s.read()
	s.session(`SET SESSION binlog_row_image = MINIMAL`, `INSERT INTO t (id, n) VALUES (1, 2)`, `UPDATE t SET n = 3`, `UPDATE t SET id = 4`, `DELETE FROM t`,
		`SET SESSION binlog_row_image = NOBLOB`, `INSERT INTO t VALUES (5, 6, 'x')`, `UPDATE t SET n = 7`, `DELETE FROM t`)
	s.expect("insert t (01000000, 02000000, -);", "update t (01000000, -, -) (-, 03000000, -);",
		"update t (01000000, -, -) (04000000, -, -);", "delete t (04000000, -, -);",
		"insert t (05000000, 06000000, 78);", "update t (05000000, 06000000, -) (05000000, 07000000, -);", "delete t (05000000, 07000000, -);")
}

// TestCompressedTransactions reads what the servers compress.
func TestCompressedTransactions(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY, b VARCHAR(3000))`)
	s.read()
	// MariaDB compresses events, as a whole server; MySQL transactions, as a session.
	if s.mariaDB {
		s.exec(`SET GLOBAL log_bin_compress = 1`)
		defer s.exec(`SET GLOBAL log_bin_compress = 0`)
		s.exec(`INSERT INTO t VALUES (1, REPEAT('a', 3000))`, `UPDATE t SET id = 2`, `DELETE FROM t`, `ALTER TABLE t COMMENT '`+strings.Repeat("b", 1000)+`'`)
	} else {
		s.session(`SET SESSION binlog_transaction_compression = 1`, `INSERT INTO t VALUES (1, REPEAT('a', 3000))`, `UPDATE t SET id = 2`,
			`DELETE FROM t`, `ALTER TABLE t COMMENT '`+strings.Repeat("b", 1000)+`'`)
	}
	a := strings.Repeat("61", 3000)
	s.expect("insert t (01000000, "+a+");", "update t (01000000, "+a+") (02000000, "+a+");", "delete t (02000000, "+a+");",
		"ALTER TABLE t COMMENT '"+strings.Repeat("b", 1000)+"';")
}

// TestALongTransactionComesInPieces also reads one that is compressed, and one with a row that needs several packets.
func TestALongTransactionComesInPieces(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, b LONGBLOB)`, `INSERT INTO t VALUES (1, NULL)`)
	for range 14 {
		s.exec(`INSERT INTO t (b) SELECT NULL FROM t`)
	}
	s.read()
	s.exec(`DELETE FROM t`) // 16,384 rows
	if !s.mariaDB {
		s.session(`SET SESSION binlog_transaction_compression = 1`, `INSERT INTO t WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT a.i * 1000 + b.i, NULL FROM n a JOIN n b WHERE a.i < 14`)
	}
	s.exec(`SET GLOBAL max_allowed_packet = 40 << 20`)
	s.session(`INSERT INTO t VALUES (100000000, REPEAT('x', 18 << 20)), (100000001, NULL)`)
	var pieces, rows []int
	var last []bool
	for _, x := range s.read() {
		n := 0
		for _, c := range x.Changes {
			n++
			for _, v := range c.After {
				n += len(v.Raw) >> 20
			}
		}
		pieces, rows, last = append(pieces, x.Piece), append(rows, n), append(last, x.Last)
	}
	// The last two are of a row beyond what is kept at once, and of the row after it.
	want := "[0 1 0 1 0 1] [10000 6384 10000 2987 19 1] [false true false true false true]"
	if s.mariaDB {
		want = "[0 1 0 1] [10000 6384 19 1] [false true false true]"
	}
	if got := fmt.Sprint(pieces, rows, last); got != want {
		t.Errorf("pieces %s", got)
	}
}

// TestMentionedTables reads which tables a foreign key may have changed. MySQL logs their rows.
func TestMentionedTables(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE p (id INT PRIMARY KEY)`, `CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)`,
		`INSERT INTO p VALUES (1)`, `INSERT INTO c VALUES (5, 1)`)
	s.read()
	s.exec(`DELETE FROM p`)
	if s.mariaDB {
		s.expect("delete p (01000000)", "mentioned c;")
		return
	}
	got := strings.Join(tell(s.read()), "\n")
	if !strings.Contains(got, "delete p (01000000)") || strings.Contains(got, "delete c") != strings.HasPrefix(s.server.Version, "9.") {
		t.Error(got)
	}
}

// TestDumpsThatEnd reads without waiting, again and again, and between that with waiting.
func TestDumpsThatEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`)
	from := s.written().Position
	s.reader = s.newReader(from)
	for i := range 6 {
		s.reader.Wait(i%3 == 2)
		s.exec(fmt.Sprintf(`INSERT INTO t VALUES (%d)`, i))
		s.expect(fmt.Sprintf("insert t (0%d000000);", i))
	}
	s.reader.Wait(false)
	for ticks := 0; ticks < 2; {
		x, err := s.reader.Next(s.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if x == nil {
			ticks++
		}
	}
	from, err := binlog.ParsePosition(s.mariaDB, from.String()) // as a restart would
	if err != nil {
		t.Fatal(err)
	}
	s.reader = s.newReader(from)
	if got := len(s.read()); got != 6 {
		t.Errorf("%d transactions after a restart", got)
	}
}

// TestAReaderCanBeInterrupted ends Next's context while it waits; nothing is lost.
func TestAReaderCanBeInterrupted(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`)
	s.read()
	for i := range 5 {
		ctx, cancel := context.WithCancel(s.ctx)
		timer := time.AfterFunc(time.Duration(i)*time.Millisecond, cancel)
		for {
			if x, err := s.reader.Next(ctx); err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				break
			} else if x != nil && len(x.Changes) > 0 && x.Changes[0].Schema == s.schema {
				t.Fatal("a transaction that nobody wrote")
			}
		}
		timer.Stop()
		s.exec(fmt.Sprintf(`INSERT INTO t VALUES (%d)`, i))
		s.expect(fmt.Sprintf("insert t (0%d000000);", i))
	}
}

// TestConnectingCanBeCancelled asks for a moment's answer of a server that gives none. The moment may be exceeded so that a
// reader connects at all, but who cancels has had enough.
func TestConnectingCanBeCancelled(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	go func() {
		if _, err := silent.Accept(); err == nil {
			cancel()
		}
	}()
	at := silent.Addr().(*net.TCPAddr)
	r := binlog.NewReader(binlog.Config{MySQL: config.MySQL{Host: at.IP.String(), Port: at.Port, User: "nobody"}}, binlog.Position{})
	defer r.Close()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("connecting ended with %v, not because it was cancelled", err)
	}
}

// TestCommittedIsReached waits until what was read can be seen.
func TestCommittedIsReached(t *testing.T) {
	t.Parallel()
	s := start(t)
	before, err := binlog.AskCommitted(s.ctx, s.db, s.mariaDB)
	if err != nil {
		t.Fatal(err)
	}
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`, `INSERT INTO t VALUES (1)`)
	all := s.read()
	last := all[len(all)-1]
	if before.Has(last) {
		t.Error("it was there before it was written")
	}
	testkit.Eventually(t, "committed", func() error {
		c, err := binlog.AskCommitted(s.ctx, s.db, s.mariaDB)
		if err == nil && !c.Has(last) {
			err = errors.New("not committed yet")
		}
		return err
	})
	if now := time.Now().UnixMicro(); last.Time.Exact == s.mariaDB || last.Time.Micros > now || last.Time.Micros < now-60e6 {
		t.Errorf("committed at %v, now %d", last.Time, now)
	}
}

// TestAFileThatIsTakenOutOfTheMiddleIsMissed, as by somebody who removes it from the disk and the index: no server notices.
func TestAFileThatIsTakenOutOfTheMiddleIsMissed(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	s := startOn(t, server)
	from := s.written().Position
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`, `FLUSH LOGS`, `INSERT INTO t VALUES (1)`, `FLUSH LOGS`, `INSERT INTO t VALUES (2)`)
	server.Stop()
	index := filepath.Join(server.Data(), "binlog.index")
	names, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.Replace(string(names), "./binlog.000002\n", "", 1)
	if err := errors.Join(os.WriteFile(index, []byte(rest), 0o600), os.Remove(filepath.Join(server.Data(), "binlog.000002"))); err != nil || rest == string(names) {
		t.Fatalf("take a file from %q: %v", names, err)
	}
	server.Start()
	r := s.newReader(from)
	for {
		if _, err = r.Next(s.ctx); err != nil {
			break
		}
	}
	if !errors.Is(err, binlog.ErrGone) || !strings.Contains(err.Error(), "binlog.000003") {
		t.Errorf("the reader ends with %v", err)
	}
}

// TestPositionsThatTheLogDoesNotHave asks for what the server never had, or no longer has.
func TestPositionsThatTheLogDoesNotHave(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, append(testkit.LogFlags(), "--innodb-flush-method=nosync")...)
	s := startOn(t, server)
	from := s.written().Position
	s.exec(`CREATE TABLE t (id INT PRIMARY KEY)`, `FLUSH LOGS`, `INSERT INTO t VALUES (1)`, `FLUSH LOGS`)
	testkit.Eventually(t, "a purged log", func() error { // MariaDB keeps a file until a thread has noted that recovery needs it no more
		s.exec(`PURGE BINARY LOGS TO 'binlog.000003'`)
		logs, err := s.db.QueryxContext(s.ctx, `SHOW BINARY LOGS`)
		if err != nil {
			return err
		}
		defer logs.Close()
		logs.Next()
		first, err := logs.SliceScan()
		if err == nil && fmt.Sprintf("%s", first[0]) != "binlog.000003" {
			err = fmt.Errorf("the first is %s", first[0])
		}
		return err
	})
	never := "0-1-1000000"
	if !s.mariaDB {
		uuid, _, _ := strings.Cut(s.written().String(), ":")
		never = uuid + ":1-1000000"
	}
	unknown, err := binlog.ParsePosition(s.mariaDB, never)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]binlog.Position{"purged": from, "unknown": unknown} {
		if _, err := s.newReader(p).Next(s.ctx); !errors.Is(err, binlog.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.exec(`CREATE USER u IDENTIFIED BY 'p'`)
	s.server.User, s.server.Password = "u", "p"
	if _, err := s.newReader(s.written().Position).Next(s.ctx); !errors.Is(err, binlog.ErrRights) {
		t.Errorf("without rights: %v", err)
	}
}
