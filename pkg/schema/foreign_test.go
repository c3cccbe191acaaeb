package schema_test

import (
	"context"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestForeignKeysAreReadWithoutOtherSchemas(t *testing.T) {
	t.Parallel()
	name := testkit.Schema(t, "CREATE TABLE p (id INT PRIMARY KEY)",
		"CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)").Name
	// By default a node's sessions look away after a second.
	db := testkit.Shared(t).Connect(t, name, config.Variable{Name: "lock_wait_timeout", Value: 10_000})
	testkit.HeldElsewhere(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // only a failure takes that long
	defer cancel()
	for what, read := range map[string]func() ([]schema.ForeignKey, error){
		"within": func() ([]schema.ForeignKey, error) { return schema.ForeignKeys(ctx, db, name) },
		"held":   func() ([]schema.ForeignKey, error) { return schema.Held(ctx, db, name) },
	} {
		keys, err := read()
		if err != nil || len(keys) != 1 || keys[0].Table != "c" || keys[0].OnDelete != "CASCADE" {
			t.Errorf("%s: %v, %v", what, keys, err)
		}
	}
}
