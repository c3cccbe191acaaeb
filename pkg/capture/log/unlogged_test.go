package log_test

import (
	"context"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAnAlterationThatIsNotLoggedIsNoticed: what comes after it would be understood by the definition of before.
func TestAnAlterationThatIsNotLoggedIsNoticed(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	const numbers = `CREATE TABLE orders (id INT PRIMARY KEY, n INT NOT NULL, m INT)`
	for _, c := range []struct {
		metadata, create, before, alter, after, then string
		logged                                       bool
	}{
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, `INSERT INTO orders VALUES (200, 2, 5)`, "+2", false},
		{"MINIMAL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, `INSERT INTO orders VALUES (200, 2, 5)`, "+2", true},
		{"FULL", `CREATE TABLE orders (id ENUM('1', '2') PRIMARY KEY)`, `INSERT INTO orders VALUES ('1')`, `ALTER TABLE orders MODIFY id ENUM('2', '1')`, `INSERT INTO orders VALUES ('2')`, "+2", false},
		{"FULL", numbers, `INSERT INTO orders VALUES (1, 100, 5)`, `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, `INSERT INTO orders VALUES (200, 2, 5)`, "+2", true},
	} {
		testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = '`+c.metadata+`'`)
		p := newPlace(t, server, []string{"orders"}, c.create, `CREATE TABLE others (id INT PRIMARY KEY)`)
		s, _ := p.source()
		p.exec(c.before)
		p.want("before", p.record(s), "+1")
		ctx, stop := context.WithCancel(t.Context())
		missed, changed, done := make(chan string, 99), make(chan string, 99), make(chan error, 1)
		go func() {
			done <- s.Watch(ctx, schema.NewTables(p.db), capture.WatchConfig{Synced: []string{"orders"}, Interval: 20 * time.Millisecond,
				Missed: func(_ context.Context, table string) error { missed <- table; return nil }, Changed: func(_ context.Context, table string) { changed <- table }})
		}()
		testkit.Eventually(t, "the table is watched", func() error { return p.user.Get(new(int), `SELECT 1 FROM sync_captured`) })
		_ = s.Close() // as after a lost connection: what is known stays
		p.exec(`INSERT INTO others VALUES (1)`)
		if c.logged {
			p.exec(c.alter)
		} else {
			testkit.Unseen(t, p.user, [2]string{"", c.alter})
		}
		p.want("changed", <-changed, "orders")
		if !c.logged {
			p.misses(missed, nil)
		}
		p.exec(c.after)
		p.want("after "+c.alter, p.record(s), c.then)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c.logged && len(missed) > 0 {
			t.Errorf("%s: what the log says is taken for missed", c.alter)
		}
		_ = s.Close()
	}
}

// TestAnAlterationThatIsNotLoggedIsNoticedByAStart: rows before it are not understood by what it made, and the table is sent as a whole. One
// that the log tells of is no news.
func TestAnAlterationThatIsNotLoggedIsNoticedByAStart(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	for _, c := range []struct {
		metadata, alter, unseen, recorded string
		logged                            bool
	}{
		{"MINIMAL", `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, "orders", "", false},
		{"MINIMAL", `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, "", "", true},
		{"MINIMAL", `ALTER TABLE orders COMMENT 'x'`, "", "+2", false},
		{"MINIMAL", `ALTER TABLE orders RENAME COLUMN n TO number`, "", "+2", true},
		{"FULL", `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, "", "+2", false},
	} {
		testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = '`+c.metadata+`'`)
		p := newPlace(t, server, []string{"orders"}, `CREATE TABLE orders (id INT PRIMARY KEY, n INT NOT NULL, m INT)`)
		s, _ := p.source()
		p.exec(`INSERT INTO orders VALUES (1, 100, 5)`)
		p.want("before", p.record(s), "+1")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- s.Watch(ctx, schema.NewTables(p.db), capture.WatchConfig{Synced: []string{"orders"}, Interval: 20 * time.Millisecond,
				Missed: func(context.Context, string) error { return nil }, Changed: func(context.Context, string) {}})
		}()
		testkit.Eventually(t, "the table is watched", func() error { return p.user.Get(new(int), `SELECT 1 FROM sync_captured`) })
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = s.Close()
		p.exec(`INSERT INTO orders VALUES (2, 200, 5)`)
		if c.logged {
			p.exec(c.alter)
		} else {
			testkit.Unseen(t, p.user, [2]string{"", c.alter})
		}
		table, err := schema.NewTables(p.db).Table(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		p.tables = []*schema.Table{table} // as a start reads it
		s, unseen := p.source()
		got := ""
		for _, u := range unseen {
			got += u.Table
		}
		p.want("unseen after "+c.alter, got, c.unseen)
		p.want("recorded after "+c.alter, p.record(s), c.recorded)
		p.exec(`INSERT INTO orders VALUES (7, 7, 7)`)
		if c.unseen != "" || !c.logged {
			p.want("recorded then", p.record(s), "+7")
		}
		_ = s.Close()
	}
}
