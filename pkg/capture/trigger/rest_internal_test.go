package trigger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestALookAtManyTablesTakesFewStatements counts the statements of a look that finds nothing new, for 4 tables and for
// 44.
func TestALookAtManyTablesTakesFewStatements(t *testing.T) {
	t.Parallel()
	counts := map[int]int{}
	for _, n := range []int{4, 44} {
		var ddl, names []string
		for i := range n {
			names = append(names, fmt.Sprintf("t%02d", i))
			key, parent := "id INT PRIMARY KEY", ""
			if i > 0 {
				parent = ", FOREIGN KEY (parent) REFERENCES t00 (id) ON DELETE CASCADE"
			}
			switch i % 4 {
			case 1:
				key = "id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci PRIMARY KEY"
			case 2:
				key = "id INT, part BINARY(4) DEFAULT 'part', PRIMARY KEY (id, part)"
			}
			ddl = append(ddl, "CREATE TABLE "+names[i]+" ("+key+", parent INT"+parent+")")
			if i%4 < 3 { // the others are empty
				ddl = append(ddl, "INSERT INTO "+names[i]+" (id) VALUES (1), (2), (3)")
			}
		}
		db := testkit.OwnSchema(t, ddl...)
		db.SetMaxOpenConns(1) // so that its session does everything
		var lost []string
		source := New(zap.NewNop(), db, Config{Lost: func(table string, _ time.Time) { lost = append(lost, table) }})
		w := newWatcher(source, schema.NewTables(db), capture.WatchConfig{Synced: names,
			Missed: func(context.Context, string) error { return nil }, Changed: func(context.Context, string) {}})
		for range 2 { // it installs the triggers and remembers them
			if err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		before := asked(t, w)
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		counts[n] = asked(t, w) - before
		// It still notices changes.
		testkit.Exec(t, db, "INSERT INTO t02 (id) VALUES (9)", "TRUNCATE t02")
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(lost, []string{"t02"}) {
			t.Errorf("%d tables: rows vanished from %v, want t02", n, lost)
		}
	}
	if counts[4] != counts[44] || counts[4] > 15 {
		t.Errorf("a look takes %d statements for 4 tables, and %d for 44", counts[4], counts[44])
	}
}

// asked returns how many statements the watcher's session has run.
func asked(t *testing.T, w *watcher) (n int) {
	t.Helper()
	var name string
	if err := w.db.QueryRowContext(t.Context(), "SHOW SESSION STATUS LIKE 'Questions'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSlowLooksAreRare: the watcher's cost does not grow with the number of tables.
func TestSlowLooksAreRare(t *testing.T) {
	var p tempo
	for _, c := range []struct{ took, want time.Duration }{
		{5 * time.Millisecond, time.Second},
		{500 * time.Millisecond, time.Second}, // something else held it up
		{500 * time.Millisecond, time.Second},
		{500 * time.Millisecond, 1200 * time.Millisecond},
		{100 * time.Millisecond, 2400 * time.Millisecond},
		{100 * time.Millisecond, 3 * time.Second},
		{time.Minute, 6 * time.Second},
	} {
		p.timed(c.took)
		if got := p.rest(time.Second, nil); got != c.want {
			t.Errorf("after a look of %v it rests for %v, want %v", c.took, got, c.want)
		}
	}
	if got := p.rest(time.Second, context.Canceled); got != time.Second {
		t.Errorf("after a failed look it rests for %v", got)
	}
}
