package trigger

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAnErrorDoesNotMakeALockedTableCaptured has somebody lock a table that was never captured, and
// makes looks fail midway: the table must not count as captured, or it would be sent twice.
func TestAnErrorDoesNotMakeALockedTableCaptured(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	ts := schema.NewTables(db)
	var missed []string
	w := newWatcher(New(zap.NewNop(), db, Config{}), ts, capture.WatchConfig{Synced: []string{"t"},
		Missed: func(_ context.Context, table string) error { missed = append(missed, table); return nil }})
	w.lacking.Store(&[]string{"t"})
	table, err := ts.Table(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	list, _ := wanted(db, []*schema.Table{table}, nil, Config{})
	w.gaps.fresh["t"] = true // findings of the first look
	check := func(when string) {
		if fmt.Sprint(w.Uncaptured(), w.gaps.fresh, missed) != "[t] map[t:true] []" {
			t.Errorf("%s: not captured are %v, never captured %v, sent %v", when, w.Uncaptured(), w.gaps.fresh, missed)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if w.mend(ended, list, nil, []*schema.Table{table}, nil) == nil {
		t.Error("no error from a database that does not answer")
	}
	check("no query worked")
	if _, err := db.ExecContext(ctx, "DROP TABLE t"); err != nil {
		t.Fatal(err)
	}
	if w.mend(ctx, list, nil, []*schema.Table{table}, nil) == nil {
		t.Error("no error for a missing table")
	}
	check("the table could not be queried")
}
