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

// TestAnErrorDoesNotMakeAHeldTableCaptured has a table that was never captured be held by somebody, and looks fail in the
// middle: it must not count as captured for that, or it would be sent twice.
func TestAnErrorDoesNotMakeAHeldTableCaptured(t *testing.T) {
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
	list, _ := wanted(db, []*schema.Table{table}, nil)
	w.gaps.fresh["t"] = true // what the first look finds
	check := func(when string) {
		if fmt.Sprint(w.Uncaptured(), w.gaps.fresh, missed) != "[t] map[t:true] []" {
			t.Errorf("%s: not captured are %v, never captured %v, sent %v", when, w.Uncaptured(), w.gaps.fresh, missed)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if w.mend(ended, list, nil, []*schema.Table{table}, nil) == nil {
		t.Error("no error of a database that does not answer")
	}
	check("nothing could be asked")
	if _, err := db.ExecContext(ctx, "DROP TABLE t"); err != nil {
		t.Fatal(err)
	}
	if w.mend(ctx, list, nil, []*schema.Table{table}, nil) == nil {
		t.Error("no error of a table that is not there")
	}
	check("the table could not be asked for")
}
