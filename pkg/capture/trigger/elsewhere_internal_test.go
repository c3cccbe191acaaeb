package trigger

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestATableHeldInAnotherSchemaHoldsUpNoCapture(t *testing.T) {
	t.Parallel()
	name := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)",
		`INSERT INTO table_changes (table_name, primary_key, date, gone) VALUES ('t', '1', UTC_TIMESTAMP(6), 1)`).Name
	// By default a node's sessions look away after a second.
	db := testkit.Shared(t).Connect(t, name, config.Variable{Name: "lock_wait_timeout", Value: 10_000})
	testkit.HeldElsewhere(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // only a failure takes that long
	defer cancel()
	s := New(zap.NewNop(), db, Config{Syncs: func(string) bool { return true }})
	if b, err := s.Next(ctx); err != nil || len(b.Entries()) != 1 {
		t.Errorf("next: %v", err)
	}
	standing, err := readTriggers(ctx, db, []string{})
	if err != nil {
		t.Errorf("read the triggers: %v", err)
	}
	if _, err := install(ctx, zap.NewNop(), db, nil, standing, 1, nil); err != nil {
		t.Errorf("install: %v", err)
	}
}
