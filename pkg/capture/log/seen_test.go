package log_test

import (
	"errors"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWhatIsRecordedCanBeSeen: rule 3. A commit that is logged and waits for a replica before anyone sees it is read, and can be recorded.
// But whoever reads the row once its version can be seen finds what was written, since MariaDB makes both seen in the log's order.
func TestWhatIsRecordedCanBeSeen(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	if !p.db.MariaDB {
		t.Skip("MySQL may be told to make commits seen in another order (binlog_order_commits), so it is asked what can be")
	}
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	s, _ := p.source()
	p.record(s)
	p.exec(`SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC`, `SET GLOBAL rpl_semi_sync_master_timeout = 60000`, `SET GLOBAL rpl_semi_sync_master_enabled = ON`)
	name := func() (name string) {
		if err := p.user.GetContext(t.Context(), &name, `SELECT name FROM orders WHERE id = 1`); err != nil {
			t.Error(err)
		}
		return name
	}
	updated, recorded := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := p.user.ExecContext(t.Context(), `UPDATE orders SET name = 'uno' WHERE id = 1`)
		updated <- err
	}()
	b, err := s.Next(t.Context())
	for err == nil && b == nil {
		b, err = s.Next(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	p.want("what can be seen when the write is read", name(), "one")
	go func() {
		recorded <- p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(t.Context(), tx, w) })
	}()
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
	p.exec(`SET GLOBAL rpl_semi_sync_master_enabled = OFF`)
	if err := <-recorded; err != nil {
		t.Error(err)
	}
	p.want("what can be seen when the write is recorded", name(), "uno")
	if err := <-updated; err != nil {
		t.Error(err)
	}
}
