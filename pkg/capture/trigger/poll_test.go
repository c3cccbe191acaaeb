package trigger_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// run runs a capture until the test ends and returns its stream.
func run(t *testing.T, db *mysqldb.DB, synced ...string) *version.Stream {
	t.Helper()
	s, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	syncs := func(table string) bool { return slices.Contains(synced, table) }
	source := trigger.New(zap.NewNop(), db, trigger.Config{Syncs: syncs, Interval: time.Millisecond})
	c := capture.New(zap.NewNop(), db, source, s, capture.Config{Origin: "node-a", Syncs: syncs})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

func recorded(s *version.Stream, want ...string) func() error {
	return func() error {
		end, err := s.Visible(context.Background())
		if err != nil {
			return err
		}
		items, err := s.Read(context.Background(), 0, end, 100)
		if err != nil {
			return err
		}
		var got []string
		for _, i := range items {
			got = append(got, i.Table+" "+i.Key)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("recorded %q, want %q", got, want)
		}
		return nil
	}
}

// TestATransactionThatCommitsLateIsNotMissed commits a later change first: its ID in table_changes
// is higher.
func TestATransactionThatCommitsLateIsNotMissed(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	install(t, db, "t")
	user := users(t, db)
	o := run(t, db, "t")
	early, err := user.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = early.Rollback() }()
	if _, err := early.Exec("INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if _, err := user.Exec("INSERT INTO t VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the later change", recorded(o, "t 2"))
	if err := early.Commit(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the earlier change", recorded(o, "t 2", "t 1"))
}

func TestTablesNoLongerSyncedAreDropped(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)")
	install(t, db, "t", "u")
	testkit.Exec(t, db, "INSERT INTO u VALUES (1)", "INSERT INTO t VALUES (1)")
	o := run(t, db, "t")
	testkit.Eventually(t, "the change of t", recorded(o, "t 1"))
	testkit.Eventually(t, "an empty table_changes", func() error {
		if got := changed(t, db); len(got) > 0 {
			return fmt.Errorf("it holds %q", got)
		}
		return nil
	})
	if got := list(t, db, "SELECT CONCAT(table_name, ' ', row_id, ' ', origin, ' ', deleted) FROM sync_versions"); !slices.Equal(got, []string{"t 1 node-a 2"}) {
		t.Errorf("the versions are %q", got)
	}
}
