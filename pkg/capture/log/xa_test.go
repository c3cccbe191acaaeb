package log_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestWhatWasPreparedBeforeTheLogIsReadIsMissed: rule 5. The log after P does not say what it wrote. What another schema prepared while
// the log was read is no one's business, over a start.
func TestWhatWasPreparedBeforeTheLogIsReadIsMissed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	other := p.server.Open(t, p.server.Create(t))
	testkit.Exec(t, other, orders)
	prepare := func(xid string, db mysqldb.Execer) {
		testkit.Exec(t, db, "XA START "+xid, `INSERT INTO orders VALUES (1, 'one')`, "XA END "+xid, "XA PREPARE "+xid)
	}
	ours, err := p.user.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	missed := make(chan string, 9)
	watch := func(s *log.Source) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- s.Watch(ctx, schema.NewTables(p.db), capture.WatchConfig{Synced: []string{"orders"}, Interval: time.Hour,
				Missed: func(_ context.Context, table string) error { missed <- table; return nil }, Changed: func(context.Context, string) {}})
		}()
		return func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	prepare(`'ours'`, ours)
	s, _ := p.source()
	stop := watch(s)
	prepare(`'theirs'`, theirs)
	p.exec(`INSERT INTO orders VALUES (2, 'two')`)
	p.want("beside both", p.record(s), "+2")
	stop()
	s, _ = p.source()
	defer watch(s)()
	testkit.Exec(t, theirs, `XA COMMIT 'theirs'`)
	p.exec(`INSERT INTO orders VALUES (3, 'three')`)
	p.want("after theirs", p.record(s), "+3")
	if len(missed) > 0 {
		t.Error("missed because of another schema's")
	}
	testkit.Exec(t, ours, `XA COMMIT 'ours'`)
	p.want("of ours", p.record(s), "")
	testkit.Eventually(t, "it is recorded that writes were missed", func() error {
		if len(missed) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	p.want("missed", <-missed, "orders")
}

// TestWhatIsInDoubtIsSentOnceItCanBeSeen: of what is prepared the log may say too little, and the table is as before until it commits,
// which may be after the next start.
func TestWhatIsInDoubtIsSentOnceItCanBeSeen(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	s, _ := p.source()
	missed, _, stop := p.watch(s)
	xid := "'" + p.db.Name + "'"
	for _, end := range []string{"ROLLBACK", "COMMIT"} {
		conn, err := p.user.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, conn, `SET binlog_format = 'STATEMENT'`, "XA START "+xid, `UPDATE orders SET name = 'uno' WHERE id = 1`, "XA END "+xid, "XA PREPARE "+xid)
		p.record(s)
		stop()
		s, _ = p.source()
		missed, _, stop = p.watch(s)
		p.exec(`INSERT INTO orders VALUES (2, 'two')`, `DELETE FROM orders WHERE id = 2`)
		p.want("beside what is prepared", p.record(s), "+2 -2")
		testkit.Exec(t, conn, "XA "+end+" "+xid, `SET binlog_format = 'ROW'`)
		_ = conn.Close()
		p.exec(`INSERT INTO orders VALUES (2, 'two')`, `DELETE FROM orders WHERE id = 2`)
		p.want("after it has ended", p.record(s), "+2 -2")
		if end == "ROLLBACK" {
			if len(missed) > 0 {
				t.Error("missed before it commits")
			}
		}
	}
	testkit.Eventually(t, "it is recorded that writes were missed", func() error {
		if len(missed) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	p.want("missed", <-missed, "orders")
	stop()
}
