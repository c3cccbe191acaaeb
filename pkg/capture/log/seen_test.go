package log_test

import (
	"errors"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWhatIsRecordedCanBeSeen: rule 3. A commit that is logged and waits for a replica before anyone sees it is read. On MariaDB it can be
// recorded, and whoever reads the row once its version can be seen finds what was written, since both are seen in the log's order. MySQL
// may be told to make commits seen in another order (binlog_order_commits), so there it can be recorded only once it is seen.
func TestWhatIsRecordedCanBeSeen(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	s, _ := p.source()
	p.record(s)
	release := p.holdCommits()
	name := func() (name string) {
		if err := p.user.GetContext(t.Context(), &name, `SELECT name FROM orders WHERE id = 1`); err != nil {
			t.Error(err)
		}
		return name
	}
	next := func() capture.Batch {
		b, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	waiting := func() int64 {
		n, err := s.Count(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	updated, recorded := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := p.user.ExecContext(t.Context(), `UPDATE orders SET name = 'uno' WHERE id = 1`)
		updated <- err
	}()
	b := next()
	for b == nil && waiting() == 0 {
		b = next()
	}
	if b == nil {
		b = next()
	}
	p.want("what can be seen when the write is read", name(), "one")
	if p.db.MariaDB == (b == nil) {
		t.Fatalf("before it can be seen, what can be recorded is %v", b)
	}
	if !p.db.MariaDB {
		release()
		for b == nil {
			b = next()
		}
		p.want("what can be seen when the write can be recorded", name(), "uno")
	}
	go func() {
		recorded <- p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(t.Context(), tx, w) })
	}()
	if p.db.MariaDB {
		testkit.Eventually(t, "both to wait for the replica", func() error {
			var n int
			err := p.user.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND = 'Query' AND ID <> CONNECTION_ID()`)
			if err == nil && n < 2 && len(recorded) == 0 {
				err = errors.New("not yet")
			}
			return err
		})
		if len(recorded) > 0 {
			p.want("what can be seen when the write is recorded", name(), "uno")
		}
		release()
	}
	if err := <-recorded; err != nil {
		t.Error(err)
	}
	p.want("what can be seen when the write is recorded", name(), "uno")
	if err := <-updated; err != nil {
		t.Error(err)
	}
}

// holdCommits has commits wait for a replica, of which there is none, between being logged and being seen, until release.
func (p *place) holdCommits() (release func()) {
	set := "SET GLOBAL rpl_semi_sync_master_"
	if !p.db.MariaDB {
		p.exec(`INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'`)
		set = "SET GLOBAL rpl_semi_sync_source_"
	}
	p.exec(set+`wait_point = AFTER_SYNC`, set+`timeout = 60000`, set+`enabled = ON`)
	return func() { p.exec(set + `enabled = OFF`) }
}
