package log_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// place is a schema with tables, whose server has a log.
type place struct {
	*testing.T
	server *testkit.Database
	db     *mysqldb.DB
	user   *sqlx.DB
	tables []*schema.Table
	keys   []schema.ForeignKey
	lost   []string
	counts []string // the tables' counters
	stream *version.Stream
}

func newPlace(t *testing.T, server *testkit.Database, names []string, ddl ...string) *place {
	t.Helper()
	p := &place{T: t, server: server, db: server.Connect(t, server.Create(t))}
	if err := schema.Migrate(t.Context(), zap.NewNop(), p.db); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, p.db, ddl...)
	p.user = server.Open(t, p.db.Name)
	ts := schema.NewTables(p.db)
	for _, name := range names {
		table, err := ts.Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		p.tables = append(p.tables, table)
	}
	var err error
	if p.keys, err = schema.Ancestry(t.Context(), p.db, p.db.Name); err != nil {
		t.Fatal(err)
	}
	if p.stream, err = version.OpenStream(t.Context(), p.db); err != nil {
		t.Fatal(err)
	}
	return p
}

// source starts a node's Source, and returns the tables that it may not have seen all writes of.
func (p *place) source() (*log.Source, []capture.Unseen) {
	p.Helper()
	syncs := func(name string) bool {
		return slices.ContainsFunc(p.tables, func(t *schema.Table) bool { return t.Name == name })
	}
	s := choice.Source(zap.NewNop(), p.db, choice.Config{Syncs: syncs, Interval: time.Millisecond, Lost: func(table string, _ time.Time) { p.lost = append(p.lost, table) },
		Details: func(string) bool { return len(p.counts) > 0 }, Counters: func(string) []string { return p.counts }},
		&config.MySQL{Host: p.server.Host, Port: p.server.Port, User: p.server.User, Password: p.server.Password, Database: p.db.Name}).(*log.Source)
	p.Cleanup(func() { _ = s.Close() })
	unseen, err := s.Unseen(p.Context(), p.tables, p.keys)
	if err == nil {
		err = s.Arm(p.Context(), p.tables, p.keys)
	}
	if err != nil {
		p.Fatal(err)
	}
	return s, unseen
}

func (p *place) exec(queries ...string) {
	p.Helper()
	testkit.Exec(p, p.user, queries...)
}

// record records what the source yields until nothing waits, and returns it.
func (p *place) record(s *log.Source) string {
	p.Helper()
	var got []string
	for {
		n, err := s.Count(p.Context(), 100)
		if err != nil {
			p.Fatal(err)
		}
		if n == 0 {
			return strings.Join(got, " ")
		}
		b, err := s.Next(p.Context())
		if err != nil {
			p.Fatal(err)
		}
		if b == nil {
			continue
		}
		err = p.stream.Write(p.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(p.Context(), tx, w) })
		if err != nil {
			p.Fatal(err)
		}
		for _, e := range b.Entries() {
			mark := "+"
			if e.Gone.Bool {
				mark = "-"
			}
			got = append(got, mark+e.Row.Key)
		}
	}
}

// reset begins the server's log anew.
func (p *place) reset() {
	p.Helper()
	if _, err := p.user.Exec(`RESET MASTER`); err != nil {
		p.exec(`RESET BINARY LOGS AND GTIDS`)
	}
}

// watch has a source watch the orders and the tables that are only received, and yields what it says: the tables of which writes may have
// been missed, and those that were altered. It looks by itself after an hour.
func (p *place) watch(s *log.Source, received ...string) (missed, changed chan string, stop func()) {
	ctx, cancel := context.WithCancel(p.Context())
	missed, changed = make(chan string, 99), make(chan string, 99)
	done := make(chan error, 1)
	go func() {
		done <- s.Watch(ctx, schema.NewTables(p.db), capture.WatchConfig{Synced: []string{"orders"}, Received: received, Interval: time.Hour,
			Missed: func(_ context.Context, table string) error { missed <- table; return nil }, Changed: func(_ context.Context, table string) { changed <- table }})
	}()
	return missed, changed, func() {
		cancel()
		if err := <-done; err != nil {
			p.Error(err)
		}
	}
}

// misses waits until it is recorded that writes to orders, and to nothing else, may have been missed; meanwhile is done again and again.
func (p *place) misses(missed <-chan string, meanwhile func() error) {
	p.Helper()
	testkit.Eventually(p, "it is recorded that writes may have been missed", func() error {
		if meanwhile != nil {
			if err := meanwhile(); err != nil {
				return err
			}
		}
		if len(missed) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	for len(missed) > 0 {
		p.want("missed", <-missed, "orders")
	}
}

func (p *place) want(what, got, want string) {
	p.Helper()
	if got != want {
		p.Errorf("%s: %q, want %q", what, got, want)
	}
}

const orders = `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(20))`

// TestARowIsOwnIfItsVersionIsWrittenToo: rule 4. What a user's trigger writes in the same transaction is not, nor are other rows.
func TestARowIsOwnIfItsVersionIsWrittenToo(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders", "texts"}, orders, `CREATE TABLE texts (id VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY)`,
		`CREATE TRIGGER also AFTER INSERT ON orders FOR EACH ROW INSERT IGNORE INTO texts VALUES (CONCAT('of ', NEW.id))`)
	s, _ := p.source()
	const versions = `INSERT INTO sync_versions (table_name, row_id, time, origin) VALUES ('orders', '1', 5, 'x')`
	p.exec(`INSERT INTO orders VALUES (9, 'nine')`)
	p.want("a user's", p.record(s), "+9 +of 9")
	tx := p.user.MustBegin()
	testkit.Exec(t, tx, `INSERT INTO orders VALUES (1, 'one'), (2, 'two')`, versions)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	p.want("apply's", p.record(s), "+of 1 +2 +of 2")
	// Another spelling of the key is the same row.
	rows := []change.Row{{Table: "texts", Key: "OF 9"}}
	if err := p.tables[1].Identify(t.Context(), p.db, rows); err != nil {
		t.Fatal(err)
	}
	tx = p.user.MustBegin()
	testkit.Exec(t, tx, `UPDATE texts SET id = 'OF 9' WHERE id = 'of 9'`)
	tx.MustExec(`INSERT INTO sync_versions (table_name, row_id, time, origin) VALUES ('texts', ?, 5, 'x')`, []byte(rows[0].ID()))
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	p.want("apply's, with another spelling", p.record(s), "")
	// So is one that comes back in the version that is recorded.
	for _, query := range []string{`INSERT INTO orders VALUES (2, 'two') ON DUPLICATE KEY UPDATE name = 'deux'`, `DELETE FROM orders WHERE id = 2`, `INSERT INTO orders VALUES (2, 'two')`} {
		err := p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, _ *version.Writing) error {
			if _, err := tx.ExecContext(t.Context(), query); err != nil {
				return err
			}
			return version.Write(t.Context(), tx, []version.Entry{{Row: change.Row{Table: "orders", Key: "2"}, State: change.State{Version: change.Version{Time: 5, Origin: "x"}}, From: "y"}})
		})
		if err != nil {
			t.Fatal(err)
		}
		p.want(query, p.record(s), "")
	}
}

// TestALongTransactionOfApplyIsOwn: apply writes the versions after the rows, and the log may be read in pieces: what foreign keys did to
// many children, or large values, come before the versions.
func TestALongTransactionOfApplyIsOwn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	for round, left := range []int{0, 1} { // how many rows have another's version
		var rows, ids []string
		for i := range 12_000 {
			rows, ids = append(rows, fmt.Sprintf("(%d, '%d')", i, round)), append(ids, fmt.Sprintf("('orders', '%d', %d, 'x')", i, round))
		}
		tx := p.user.MustBegin()
		testkit.Exec(t, tx, `REPLACE INTO orders VALUES `+strings.Join(rows, ","),
			`REPLACE INTO sync_versions (table_name, row_id, time, origin) VALUES `+strings.Join(ids[left:], ","))
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the log is read", func() error { // within the time that a lock may be held
			_, err := s.Count(t.Context(), 1)
			return err
		})
		p.want("not apply's", p.record(s), []string{"", "+0"}[left])
	}
}

// TestAStartGoesOnWhereTheLastOneRecorded: what was not recorded is yielded again, and what was is not.
func TestAStartGoesOnWhereTheLastOneRecorded(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, unseen := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	if n, err := s.Count(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("%d wait (%v)", n, err)
	}
	_ = s.Close()
	p.exec(`DELETE FROM orders WHERE id = 1`)
	s, again := p.source()
	p.want("after a restart", p.record(s), "+2 -1")
	if len(unseen)+len(again) > 0 {
		t.Errorf("not seen: %v, %v", unseen, again)
	}
}

// TestWhatWasThereAlreadyIsNotDatedByItsReading: it would win over later writes at other sites.
func TestWhatWasThereAlreadyIsNotDatedByItsReading(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	_ = s.Close()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	written := time.Now()
	s, _ = p.source()
	found, err := capture.Uncaptured(t.Context(), p.db, s, "orders", []string{"1"})
	if err != nil || len(found["1"]) != 1 || found["1"][0].Written > written.UnixMicro() {
		t.Errorf("until %v: %+v (%v)", written.UnixMicro(), found, err)
	}
	began := time.Now()
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	found, err = capture.Uncaptured(t.Context(), p.db, s, "orders", []string{"2"})
	if err != nil || len(found["2"]) != 1 || found["2"][0].Written < began.UnixMicro() {
		t.Errorf("from %v: %+v (%v)", began.UnixMicro(), found, err)
	}
}

// TestAnotherLogIsNoticed: rule 6. After a reset the log's transactions have the same names; here there are even more of them.
func TestAnotherLogIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	_ = s.Close()
	p.reset()
	for range 100 {
		p.exec(`INSERT INTO orders VALUES (2, 'two')`, `DELETE FROM orders WHERE id = 2`)
	}
	s, unseen := p.source()
	if len(unseen) != 1 || unseen[0].Table != "orders" || !strings.Contains(unseen[0].Reason, "log") {
		t.Errorf("not seen: %v", unseen)
	}
	p.exec(`INSERT INTO orders VALUES (3, 'three')`)
	p.want("from then on", p.record(s), "+3")
	_ = s.Close()
	if _, unseen = p.source(); len(unseen) > 0 {
		t.Errorf("not seen by the next start: %v", unseen)
	}
}

// TestPreparedTransactionsWait: rule 5, over a restart.
func TestPreparedTransactionsWait(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	conn, err := p.user.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	xid := "'" + p.db.Name + "'"
	testkit.Exec(t, conn, "XA START "+xid, `INSERT INTO orders VALUES (1, 'one')`, "XA END "+xid, "XA PREPARE "+xid)
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	p.want("prepared", p.record(s), "+2")
	_ = s.Close()
	s, _ = p.source()
	testkit.Exec(t, conn, "XA COMMIT "+xid)
	p.want("committed", p.record(s), "+1") // what was recorded is read again, since P stayed
}

// TestATruncateIsTold: rows that the log does not list.
func TestATruncateIsTold(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`, `TRUNCATE orders`, `INSERT INTO orders VALUES (2, 'two')`)
	p.want("recorded", p.record(s), "+1 +2")
	if !slices.Equal(p.lost, []string{"orders"}) {
		t.Errorf("lost: %q", p.lost)
	}
}

// TestRowsThatTheLogDoesNotListAreSent: a table may take the place of another with rows that it has got under its own name, and the log
// may have a write as text.
func TestRowsThatTheLogDoesNotListAreSent(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	missed, _, stop := p.watch(s)
	for _, queries := range [][]string{
		{`RENAME TABLE orders TO aside`, `INSERT INTO aside VALUES (1, 'one')`, `RENAME TABLE aside TO orders`},
		{`SET binlog_format = 'STATEMENT'`, `INSERT INTO orders VALUES (2, 'two')`, `SET binlog_format = 'ROW'`},
	} {
		conn, err := p.user.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, conn, queries...)
		_ = conn.Close()
		p.misses(missed, func() error {
			_, err := s.Next(t.Context())
			return err
		})
	}
	stop()
}

// TestATextMayWriteMoreThanItNames: by a trigger, a view, a function or a foreign key, and nothing else in the log tells.
func TestATextMayWriteMoreThanItNames(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, `CREATE TABLE parents (id INT PRIMARY KEY)`,
		`CREATE TABLE orders (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE)`,
		`CREATE TABLE aside (id INT PRIMARY KEY)`, `CREATE TABLE plain (id INT PRIMARY KEY)`, `INSERT INTO parents VALUES (1), (2)`,
		`INSERT INTO orders VALUES (1, 1), (2, 2)`, `CREATE TRIGGER onward AFTER INSERT ON aside FOR EACH ROW INSERT INTO orders VALUES (NEW.id, NULL)`,
		`CREATE VIEW seen AS SELECT * FROM orders`,
		`CREATE FUNCTION written(n INT) RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO orders VALUES (n, NULL); RETURN n; END`)
	s, _ := p.source()
	missed, _, stop := p.watch(s)
	conn, err := p.user.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	testkit.Exec(t, conn, `SET binlog_format = 'STATEMENT'`)
	for _, query := range []string{`INSERT INTO aside VALUES (10)`, `UPDATE seen SET parent = 1 WHERE id = 10`, `SELECT written(11)`,
		`INSERT INTO plain VALUES (written(12))`, `DELETE FROM parents WHERE id = 2`} {
		testkit.Exec(t, conn, query)
		p.record(s)
		p.misses(missed, nil)
	}
	stop()
}

// TestACounterThatTheLogLacksIsMissed: a session may log less, and what it counts is not known then.
func TestACounterThatTheLogLacksIsMissed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(20), n INT DEFAULT 5)`)
	p.counts = []string{"n"}
	s, _ := p.source()
	missed, _, stop := p.watch(s)
	conn, err := p.user.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	testkit.Exec(t, conn, `INSERT INTO orders VALUES (1, 'one', 1)`, `SET binlog_row_image = 'MINIMAL'`, `UPDATE orders SET name = 'uno'`)
	p.want("with all numbers", p.record(s), "+1 +1")
	for _, query := range []string{`UPDATE orders SET n = n + 1`, `UPDATE orders SET id = 2`, `INSERT INTO orders (id) VALUES (3)`} {
		if len(missed) > 0 {
			t.Errorf("missed before %s", query)
		}
		testkit.Exec(t, conn, query)
		p.record(s)
		p.misses(missed, nil)
	}
	stop()
}

// TestDeletesBeforeAnAlterationAreNotMissed: a table that is sent as a whole does not tell of them. The log has their keys, whatever else
// does not fit the table any more.
func TestDeletesBeforeAnAlterationAreNotMissed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, `CREATE TABLE orders (id INT PRIMARY KEY, n INT)`)
	p.counts = []string{"n"}
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 1), (2, 2)`)
	p.want("before", p.record(s), "+1 +2")
	_ = s.Close()
	p.exec(`DELETE FROM orders WHERE id = 1`, `UPDATE orders SET n = 3`, `ALTER TABLE orders MODIFY n BIGINT`)
	s, _ = p.source()
	p.want("after the next start", p.record(s), "-1")
}

// TestRowsThatAnAlterationMakesMeanSomethingElseAreSent: the log is read after the table was altered, and what it says of earlier rows
// fits the table as it is now, but is not what was written.
func TestRowsThatAnAlterationMakesMeanSomethingElseAreSent(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	const numbers = `CREATE TABLE orders (id INT PRIMARY KEY, n INT NOT NULL, m INT)`
	for _, c := range []struct{ metadata, create, write, alter, missed string }{
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `MODIFY n INT NOT NULL FIRST`, "orders"},
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `DROP COLUMN m, ADD COLUMN before_all INT FIRST`, "orders"},
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `ADD INDEX (n), DROP CONSTRAINT c`, ""},
		{"FULL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `MODIFY n INT NOT NULL FIRST, MODIFY m BIGINT`, ""},
		{"FULL", `CREATE TABLE orders (id ENUM('a', 'b') PRIMARY KEY)`, `INSERT INTO orders VALUES ('b')`, `MODIFY id ENUM('b', 'a')`, "orders"},
		{"FULL", `CREATE TABLE orders (id SET('a', 'b') PRIMARY KEY)`, `INSERT INTO orders VALUES ('b')`, `CHANGE id id SET('b', 'a')`, "orders"},
		{"FULL", `CREATE TABLE orders (id VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY)`, `INSERT INTO orders VALUES ('ü')`, `CONVERT TO CHARACTER SET utf8mb4`, "orders"},
		{"FULL", `CREATE TABLE orders (id VARCHAR(9) CHARACTER SET utf8mb4 PRIMARY KEY)`, `INSERT INTO orders VALUES ('ü')`, `CONVERT TO CHARACTER SET latin1`, "orders"},
		{"FULL", `CREATE TABLE orders (id VARCHAR(9) PRIMARY KEY, n INT)`, `INSERT INTO orders VALUES ('a', 1)`, `ADD COLUMN more INT FIRST, ADD INDEX (n)`, ""},
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `RENAME TO old; CREATE TABLE orders (n INT NOT NULL, id INT PRIMARY KEY, m INT)`, "orders"},
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `COMMENT 'x'; CREATE TABLE new (n INT, id INT PRIMARY KEY, m INT); RENAME TABLE orders TO old, new TO orders`, "orders"},
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `COMMENT 'x'; DROP TABLE orders; CREATE TABLE orders (n INT, id INT PRIMARY KEY, m INT)`, "orders"},
		{"FULL", `CREATE TABLE orders (id ENUM('a', 'b') PRIMARY KEY)`, `INSERT INTO orders VALUES ('b')`, `COMMENT 'x'; DROP TABLE orders; CREATE TABLE orders (id ENUM('b', 'a') PRIMARY KEY)`, "orders"},
		{"FULL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `COMMENT 'x'; DROP TABLE orders; CREATE TABLE orders (n INT, id INT PRIMARY KEY, m INT)`, ""},
	} {
		testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = '`+c.metadata+`'`)
		p := newPlace(t, server, []string{"orders"}, c.create)
		if strings.Contains(c.alter, "CONSTRAINT") {
			p.exec(`ALTER TABLE orders ADD CONSTRAINT c CHECK (n > 0)`)
		}
		s, _ := p.source()
		p.want("before", p.record(s), "")
		_ = s.Close()
		p.exec(c.write)
		p.exec(strings.Split(`ALTER TABLE orders `+c.alter, "; ")...)
		s, _ = p.source()
		missed, _, stop := p.watch(s)
		recorded := ""
		for begun := time.Now(); len(missed) == 0 && (c.missed != "" || time.Since(begun) < time.Second); {
			recorded += p.record(s)
			if time.Since(begun) > 20*time.Second {
				break
			}
		}
		got := ""
		if len(missed) > 0 {
			got = <-missed
		}
		p.want(c.create+": "+c.alter, got, c.missed)
		if c.missed != "" {
			p.want(c.create+": "+c.alter+": recorded of rows that mean something else", recorded, "")
		}
		stop()
	}
}

// TestAnAlterationThatIsNotReadYetCounts: what was written before it is recorded, P passes it, and the node ends before it reads on.
func TestAnAlterationThatIsNotReadYetCounts(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = 'MINIMAL'`)
	p := newPlace(t, server, []string{"orders"}, `CREATE TABLE orders (id INT PRIMARY KEY, n INT NOT NULL)`)
	s, _ := p.source()
	p.want("before", p.record(s), "")
	_ = s.Close()
	p.exec(`INSERT INTO orders WITH RECURSIVE x AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM x WHERE id < 1000) SELECT id, id + 5000 FROM x`,
		`ALTER TABLE orders MODIFY n INT NOT NULL FIRST`)
	s, _ = p.source()
	b, err := s.Next(t.Context())
	if err == nil && b != nil {
		err = p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(t.Context(), tx, w) })
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s, _ = p.source()
	missed, _, stop := p.watch(s)
	p.misses(missed, func() error {
		p.record(s)
		return nil
	})
	stop()
}

// TestAHiddenColumnIsNoOtherTable: MariaDB adds one for a unique index of long values, and names it only with full metadata.
func TestAHiddenColumnIsNoOtherTable(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = 'MINIMAL'`)
	p := newPlace(t, server, []string{"orders"}, `CREATE TABLE orders (id INT PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a /*!80000 (100) */), UNIQUE (b /*!80000 (100) */)) /*M!100300 WITH SYSTEM VERSIONING */`)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one', 'uno'), (2, 'two', NULL)`, `DELETE FROM orders WHERE id = 1`)
	p.want("recorded", p.record(s), "+1 +2 -1")
}

// TestTheRowsOfAnAlteredTable: the key's columns are found by their names.
func TestTheRowsOfAnAlteredTable(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`, `ALTER TABLE orders ADD COLUMN early INT FIRST`, `INSERT INTO orders VALUES (9, 2, 'two')`,
		`UPDATE orders SET id = 3 WHERE id = 2`)
	p.want("recorded", p.record(s), "+1 +2 -2 +3")
}

// TestTheHistoryOfASystemVersionedTableIsNoWrite: MariaDB's log has what was before as rows with the key of what is, and a delete as an
// update that ends the row. To MySQL it is a table like any other.
func TestTheHistoryOfASystemVersionedTableIsNoWrite(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	for _, metadata := range []string{"FULL", "MINIMAL"} {
		testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = '`+metadata+`'`)
		p := newPlace(t, server, []string{"orders"}, orders+` /*M!100300 WITH SYSTEM VERSIONING */`)
		s, _ := p.source()
		p.exec(`INSERT INTO orders VALUES (1, 'one'), (2, 'two')`)
		p.want("inserts", p.record(s), "+1 +2")
		p.exec(`UPDATE orders SET name = 'three' WHERE id = 1`)
		p.want("an update", p.record(s), "+1")
		p.exec(`DELETE FROM orders WHERE id = 1`)
		p.want("a delete", p.record(s), "-1")
		p.exec(`UPDATE orders SET id = 4 WHERE id = 2`)
		p.want("another key", p.record(s), "-2 +4")
		p.exec(`INSERT INTO orders VALUES (4, 'x') ON DUPLICATE KEY UPDATE name = 'four'`)
		p.want("an update instead of an insert", p.record(s), "+4")
		p.exec(`DELETE /*M!100300 HISTORY */ FROM orders /*!80000 WHERE id < 0 */`)
		p.want("the history's end", p.record(s), "")
	}
}

// TestAnAlteredTableIsLookedAtSoon: the log tells when, also of a table that is only received; nobody waits for the next look, which is
// an hour away.
func TestAnAlteredTableIsLookedAtSoon(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders, `CREATE TABLE prices (id INT PRIMARY KEY)`)
	s, _ := p.source()
	_, changed, stop := p.watch(s, "prices")
	for _, table := range []string{"prices", "orders"} {
		for n := 0; ; n++ { // the first look may come after the first change
			p.exec(fmt.Sprintf(`ALTER TABLE %s ADD COLUMN more%d INT`, table, n))
			p.record(s)
			select {
			case got := <-changed:
				p.want("looked at", got, table)
			case <-time.After(3 * time.Second):
				if n < 20 {
					continue
				}
				t.Fatalf("nobody looked at %s", table)
			}
			break
		}
	}
	stop()
}

// TestAQuestionDoesNotWaitForTheNextChange: whoever asks does not wait for capture, which waits at the end of the log.
func TestAQuestionDoesNotWaitForTheNextChange(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		for ctx.Err() == nil {
			if _, err := s.Next(ctx); err != nil && ctx.Err() == nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	const questions = 200 // each would wait for half a second
	for range questions {
		if _, err := capture.Uncaptured(ctx, p.db, s, "orders", []string{"1"}); err != nil {
			t.Error(err)
		}
	}
	stop()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestMoreWaitsThanIsRead: of a backlog only so much is read as may be pending. Whoever decides about a row is not answered then, as if it
// were locked, and lets go of its locks, so that what was read can be recorded; and who counts is told that there is so much.
func TestMoreWaitsThanIsRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, `CREATE TABLE orders (id VARCHAR(700) CHARACTER SET ascii PRIMARY KEY)`)
	s, _ := p.source()
	p.record(s)
	p.exec(`INSERT INTO orders WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 109)
		SELECT LPAD(a.i * 110 + b.i, 700, '0') FROM n a JOIN n b`)
	if n, err := s.Count(t.Context(), 10); n != 10 || err != nil {
		t.Errorf("%d wait: %v", n, err)
	}
	last := strings.Repeat("0", 695) + "12099"
	ask := func() (list []capture.Entry, err error) {
		return list, p.stream.Write(t.Context(), p.db, []change.Row{{Table: "orders", Key: last}}, func(tx mysqldb.Tx, w *version.Writing) error {
			if _, err := tx.ExecContext(t.Context(), `SELECT 1 FROM orders WHERE id = ? FOR UPDATE`, last); err != nil {
				return err
			}
			found, err := capture.Uncaptured(t.Context(), tx, s, "orders", []string{last})
			if err != nil {
				return err
			}
			list = found[last]
			return s.Consume(t.Context(), tx, w, list)
		})
	}
	if _, err := ask(); !mysqldb.LockTimeout(err) {
		t.Fatalf("with much more to read than may be pending: %v", err)
	}
	recorded, asked := 0, make(chan []capture.Entry)
	go func() { // apply
		defer close(asked)
		for {
			list, err := ask()
			if err == nil {
				asked <- list
				return
			}
			if !mysqldb.LockTimeout(err) {
				t.Error(err)
				return
			}
		}
	}()
	for recorded < 12_099 { // capture
		b, err := s.Next(t.Context())
		if err == nil && b != nil {
			err = p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(t.Context(), tx, w) })
			if err == nil {
				recorded += len(b.Entries())
			}
		}
		if err != nil && !errors.Is(err, capture.ErrConsumed) {
			t.Fatal(err)
		}
	}
	if list := <-asked; recorded+len(list) != 12_100 {
		t.Errorf("apply took %v, and %d were recorded", list, recorded)
	}
	p.want("nothing is left", p.record(s), "")
}

// TestNothingIsMissedByASwitch: what table_changes holds is recorded after a switch to the log, no matter that the triggers
// are gone. After one back to triggers, which do not know what the log has, the tables are sent as a whole.
func TestNothingIsMissedByASwitch(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	triggers := func() []capture.Unseen {
		s := choice.Source(zap.NewNop(), p.db, choice.Config{Syncs: func(string) bool { return true }}, nil)
		unseen, err := s.Unseen(t.Context(), p.tables, p.keys)
		if err == nil {
			err = s.Arm(t.Context(), p.tables, p.keys)
		}
		if err != nil {
			t.Fatal(err)
		}
		return unseen
	}
	if unseen := triggers(); len(unseen) > 0 {
		t.Errorf("not seen: %v", unseen)
	}
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	s, unseen := p.source()
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	p.want("after the switch", p.record(s), "+1 +2")
	standing, err := choice.Standing(t.Context(), p.db)
	if err != nil || len(standing)+len(unseen) > 0 {
		t.Errorf("triggers: %v (%v); not seen: %v", standing, err, unseen)
	}
	_ = s.Close()
	if unseen := triggers(); len(unseen) != 1 {
		t.Errorf("not seen after the switch back: %v", unseen)
	}
	if unseen := triggers(); len(unseen) > 0 {
		t.Errorf("not seen by the next start: %v", unseen)
	}
}

// TestATableThatComesBackWasNotSeen: while it was not synced, nobody recorded its writes. Nor is it known who did once sync_log is empty.
func TestATableThatComesBackWasNotSeen(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders", "items"}, orders, `CREATE TABLE items (id INT PRIMARY KEY)`)
	all := p.tables
	for i, want := range []string{"", "", "items", "ordersitems"} {
		p.tables = all
		switch i {
		case 1:
			p.tables = all[:1]
		case 3: // nobody knows any more how far the log was read
			p.exec(`DELETE FROM sync_log`)
		}
		s, unseen := p.source()
		got := ""
		for _, u := range unseen {
			got += u.Table
		}
		p.want("not seen", got, want)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- s.Watch(ctx, schema.NewTables(p.db), capture.WatchConfig{Synced: []string{"orders", "items"}[:len(p.tables)], Interval: time.Millisecond,
				Missed: func(context.Context, string) error { return nil }, Changed: func(context.Context, string) {}})
		}()
		testkit.Eventually(t, "it is remembered how the tables are captured", func() error {
			var n int
			err := p.user.Get(&n, `SELECT COUNT(*) FROM sync_captured WHERE memory NOT LIKE '%that noticed%'`)
			if err == nil && n != len(p.tables) {
				err = errors.New("not yet")
			}
			return err
		})
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestARestoredBackupIsNoOnesWrite: what the restore of a dump writes is in the log, after P, with P's own mark.
func TestARestoredBackupIsNoOnesWrite(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	_ = s.Close()
	p.exec(`CREATE TABLE saved LIKE sync_log`, `INSERT INTO saved SELECT * FROM sync_log`, `INSERT INTO orders VALUES (2, 'two')`)
	s, _ = p.source()
	p.want("recorded after the backup", p.record(s), "+2")
	_ = s.Close()
	p.exec(`DELETE FROM orders WHERE id = 2`, `UPDATE orders SET name = 'restored'`, `DELETE FROM sync_log`, `INSERT INTO sync_log SELECT * FROM saved`)
	s, unseen := p.source()
	if len(unseen) != 1 || !strings.Contains(unseen[0].Reason, "restored") {
		t.Errorf("not seen: %v", unseen)
	}
	p.want("of the restore", p.record(s), "")
}

// TestABackupRestoredBesideTheLogIsNoticed, as a dump with sql_log_bin=0 or a copy of the files is: the log has later marks
// than the database, and writes that the database does not have.
func TestABackupRestoredBesideTheLogIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	p.exec(`CREATE TABLE saved LIKE sync_log`, `INSERT INTO saved SELECT * FROM sync_log`, `INSERT INTO orders VALUES (2, 'two')`)
	p.want("recorded after the backup", p.record(s), "+2")
	_ = s.Close()
	testkit.Unseen(t, p.user, [2]string{"orders", `DELETE FROM orders WHERE id = 2`}, [2]string{"", `REPLACE INTO sync_log SELECT * FROM saved`})
	s, unseen := p.source()
	if len(unseen) != 1 || !strings.Contains(unseen[0].Reason, "restored") {
		t.Errorf("not seen: %v", unseen)
	}
	p.want("of what the backup lacks", p.record(s), "")
}

// TestATableWithAnotherKeyIsSentAsAWhole: what waits under its former key names no rows of it.
func TestATableWithAnotherKeyIsSentAsAWhole(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL)`)
	s, _ := p.source()
	missed, _, stop := p.watch(s)
	p.exec(`INSERT INTO orders VALUES (1, 'one')`, `ALTER TABLE orders DROP PRIMARY KEY, ADD PRIMARY KEY (id, name)`, `INSERT INTO orders VALUES (1, 'two')`)
	p.record(s)
	p.want("missed", <-missed, "orders")
	stop()
}
