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

// TestNamesAreComparedAsTheServerDoes has the configuration spell tables differently from the
// server. The existing triggers are right, their entries have the node's spelling, also in a
// cascade, and nothing is resent.
func TestNamesAreComparedAsTheServerDoes(t *testing.T) {
	t.Parallel()
	// Only MariaDB accepts this setting for a data directory made without it.
	server := testkit.MariaDB(t, "--lower-case-table-names=1")
	testkit.Exec(t, server.Open(t, ""), "CREATE DATABASE shop CHARACTER SET utf8mb4")
	db := server.Connect(t, "Shop")
	names := []string{"Customers", "Orders"}
	if err := db.Spell(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, db, `CREATE TABLE CUSTOMERS (id INT PRIMARY KEY)`,
		`CREATE TABLE ORDERS (id INT PRIMARY KEY, customer INT, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE)`)
	install(t, db, names...)
	const made = `SELECT CONCAT(TRIGGER_NAME, CREATED) FROM information_schema.TRIGGERS ORDER BY TRIGGER_NAME`
	before := list(t, db, made)
	altered := make(chan string, 2)
	logged, logs := observer.New(zap.InfoLevel)
	source := trigger.New(zap.New(logged), db, trigger.Config{})
	config := capture.WatchConfig{
		Synced: names, Interval: time.Millisecond,
		Missed:  func(_ context.Context, table string) error { return errors.New(table + " is sent again") },
		Changed: func(_ context.Context, table string) { altered <- table },
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- source.Watch(ctx, schema.NewTables(db), config) }()
	testkit.Eventually(t, "a look", func() error {
		if n := list(t, db, `SELECT table_name FROM sync_captured`); len(n) < 2 {
			return errors.New("the tables are not remembered")
		}
		return source.Trouble()
	})
	testkit.Exec(t, db, `INSERT INTO customers VALUES (1)`, `INSERT INTO Orders VALUES (7, 1)`, `DELETE FROM customers`)
	if got, want := changed(t, db), []string{"Customers 1", "Orders 7", "Orders 7", "Customers 1"}; !slices.Equal(got, want) {
		t.Errorf("captured %q, want %q", got, want)
	}
	testkit.Exec(t, db, `ALTER TABLE orders ADD COLUMN amount INT`)
	if table := <-altered; table != "Orders" {
		t.Errorf("%s has changed", table)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, l := range logs.All() {
		if l.Level > zap.InfoLevel || l.Message == "triggers installed" {
			t.Errorf("it logged %s: %v", l.Message, l.ContextMap())
		}
	}
	if after := list(t, db, made); len(before) != 7 || !slices.Equal(after, before) {
		t.Errorf("triggers %q, before %q", after, before)
	}
	if err := db.Spell(t.Context(), []string{"Orders", "orders"}); err == nil {
		t.Error("two spellings of one table count as two tables")
	}
}
