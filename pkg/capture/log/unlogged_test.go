package log_test

import (
	"context"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAnAlterationThatIsNotLoggedIsNoticed: what comes after it would be understood by the definition of before. The log describes the table anew
// then, so the next row tells, whenever the tables are looked at.
func TestAnAlterationThatIsNotLoggedIsNoticed(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	const numbers, one, two, empty = `CREATE TABLE orders (id INT PRIMARY KEY, n INT NOT NULL, m INT)`, `INSERT INTO orders VALUES (1, 100, 5)`, `INSERT INTO orders VALUES (200, 2, 5)`, `DELETE FROM orders`
	const first, last = `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, `ALTER TABLE orders MODIFY n INT NOT NULL AFTER m`
	for _, c := range []struct {
		metadata, create, before string
		alter                    []string
		after, recorded          string
		then, recordedThen       string
		logged                   bool
	}{
		{"MINIMAL", numbers, one, []string{first}, two, "", empty, "-1 -2", false},
		{"MINIMAL", numbers, one, []string{first}, empty, "", two, "+2", false},
		{"MINIMAL", numbers, one, []string{`ALTER TABLE orders ADD COLUMN k INT NOT NULL DEFAULT 7 FIRST, DROP COLUMN m`}, two, "", empty, "-1 -2", false},
		{"MINIMAL", numbers, one, []string{first, last}, `INSERT INTO orders VALUES (2, 5, 200)`, "", empty, "-1 -2", false},
		{"MINIMAL", numbers, one, []string{`CREATE TABLE new (n INT, id INT PRIMARY KEY, m INT)`, `RENAME TABLE orders TO old, new TO orders`}, two, "", empty, "-2", false},
		{"MINIMAL", numbers, one, []string{`ALTER TABLE orders COMMENT 'x'`}, `INSERT INTO orders VALUES (2, 200, 5)`, "+2", empty, "-1 -2", false},
		{"MINIMAL", numbers, one, []string{first}, two, "+2", empty, "-1 -2", true},
		{"FULL", `CREATE TABLE orders (id ENUM('1', '2') PRIMARY KEY)`, `INSERT INTO orders VALUES ('1')`, []string{`ALTER TABLE orders MODIFY id ENUM('2', '1')`}, `INSERT INTO orders VALUES ('2')`, "", empty, "-2 -1", false},
		{"FULL", numbers, one, []string{first}, two, "+2", empty, "-1 -2", true},
		{"FULL", numbers, one, []string{first}, two, "+2", empty, "-1 -2", false},
	} {
		testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = '`+c.metadata+`'`)
		p := newPlace(t, server, []string{"orders"}, c.create)
		s, _ := p.source()
		missed, _, stop := p.watch(s)
		p.exec(c.before)
		p.want("before", p.record(s), "+1")
		for _, query := range c.alter {
			if c.logged {
				p.exec(query)
			} else {
				testkit.Unseen(t, p.user, [2]string{"", query})
			}
		}
		p.exec(c.after)
		p.want(c.after+" after "+c.alter[0], p.record(s), c.recorded)
		if c.recorded == "" {
			p.misses(missed, nil)
		}
		p.exec(c.then)
		p.want(c.then+" after "+c.alter[0], p.record(s), c.recordedThen)
		stop()
		if len(missed) > 0 {
			t.Errorf("%s: what the log says is taken for missed", c.alter)
		}
		_ = s.Close()
	}
}

// TestAnAlterationThatIsNotLoggedIsNoticedByAStart: rows before the end that the log had then are not understood by what it made, and the table is
// sent as a whole, if there are such rows. One that the log tells of is no news, nor one that was read and not remembered yet.
func TestAnAlterationThatIsNotLoggedIsNoticedByAStart(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	const first, two, three, later = `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`, `INSERT INTO orders VALUES (2, 200, 5)`, `INSERT INTO orders VALUES (300, 3, 5)`, `INSERT INTO orders VALUES (7, 7, 7)`
	for _, c := range []struct {
		metadata               string
		before                 []string // is recorded
		between                []string
		alter                  string
		after                  []string
		unseen, recorded, then string
		logged                 bool
	}{
		{"MINIMAL", nil, []string{two}, first, nil, "orders", "", "+7", false},
		{"MINIMAL", nil, []string{two}, first, []string{three}, "orders", "", "+7", false},
		{"MINIMAL", nil, nil, first, []string{three}, "orders", "", "+7", false},
		{"MINIMAL", nil, nil, first, nil, "", "", "+7", false},
		{"MINIMAL", nil, []string{two}, first, nil, "", "", "+7", true},
		{"MINIMAL", nil, nil, first, []string{three}, "", "+3", "+7", true},
		{"MINIMAL", []string{first, three}, nil, `ALTER TABLE orders COMMENT 'x'`, nil, "", "", "+7", true},
		{"MINIMAL", nil, []string{two}, `ALTER TABLE orders COMMENT 'x'`, nil, "", "+2", "+7", false},
		{"MINIMAL", nil, []string{two}, `ALTER TABLE orders RENAME COLUMN n TO number`, nil, "", "+2", "+7", true},
		{"FULL", nil, []string{two}, first, nil, "", "+2", "+7", false},
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
		p.exec(c.before...)
		p.record(s)
		_ = s.Close()
		p.exec(c.between...)
		if c.logged {
			p.exec(c.alter)
		} else {
			testkit.Unseen(t, p.user, [2]string{"", c.alter})
		}
		p.exec(c.after...)
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
		p.exec(later)
		p.want("recorded then", p.record(s), c.then)
		_ = s.Close()
	}
}
