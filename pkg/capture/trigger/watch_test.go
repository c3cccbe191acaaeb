package trigger_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAKeyRenamedDuringALookIsHarmless renames a key column after the watcher has read the table
// and before it installs the triggers: it looks again and has nothing to report.
func TestAKeyRenamedDuringALookIsHarmless(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	install(t, db, "t")
	testkit.Exec(t, db, "DROP TRIGGER mysqlSyncInsert_t")
	logged, logs := observer.New(zap.WarnLevel)
	renamed := false
	source := trigger.New(zap.New(logged), db, trigger.Config{})
	config := capture.WatchConfig{
		Synced: []string{"t"}, Interval: time.Hour,
		Missed: func(context.Context, string) error {
			if !renamed {
				testkit.Exec(t, db, "ALTER TABLE t CHANGE id number INT NOT NULL")
			}
			renamed = true
			return nil
		},
		Changed: func(context.Context, string) {},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- source.Watch(ctx, schema.NewTables(db), config) }()
	testkit.Eventually(t, "the end of the look", func() error {
		if !slices.Contains(triggerNames(t, db), "mysqlSyncInsert_t") {
			return errors.New("the trigger is missing")
		}
		return source.Trouble()
	})
	testkit.Exec(t, db, "INSERT INTO t VALUES (1)")
	if got := changed(t, db); len(got) != 1 {
		t.Errorf("captured %q, want one row", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, l := range logs.FilterMessageSnippet("could not inspect").All() {
		t.Errorf("it logged %s: %v", l.Message, l.ContextMap())
	}
}
