package schema_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
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

// TestTablesElsewhereStayClosedWithoutForeignKeysBetweenSchemas: opening them all takes seconds on a server with thousands.
func TestTablesElsewhereStayClosedWithoutForeignKeysBetweenSchemas(t *testing.T) {
	t.Parallel()
	server := testkit.MariaDB(t) // its own, since others' foreign keys count too
	own, other := server.Create(t), server.Create(t)
	db := server.Connect(t, own)
	testkit.Exec(t, db, "CREATE TABLE parent (id INT PRIMARY KEY)", "CREATE TABLE child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES parent (id))",
		"CREATE TABLE "+other+".away (id INT PRIMARY KEY)")
	outside := func(db *mysqldb.DB) (keys []schema.ForeignKey, opened int) {
		t.Helper()
		testkit.Exec(t, db, "FLUSH TABLES")
		keys, err := schema.Outside(t.Context(), db, own)
		if err == nil {
			err = mysqldb.Each(t.Context(), db, "SHOW OPEN TABLES FROM "+other, nil, func(*sql.Rows) error { opened++; return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		return keys, opened
	}
	if keys, opened := outside(db); len(keys) > 0 || opened > 0 {
		t.Errorf("without any: %v, %d tables opened", keys, opened)
	}
	testkit.Exec(t, db, "ALTER TABLE "+other+".away ADD FOREIGN KEY (id) REFERENCES "+own+".parent (id)")
	if keys, _ := outside(db); len(keys) != 1 || keys[0].Table != "away" {
		t.Errorf("with one: %v", keys)
	}
	testkit.Exec(t, db, "CREATE USER other@localhost", "GRANT ALL ON `test%`.* TO other@localhost", "GRANT RELOAD ON *.* TO other@localhost")
	server.User = "other"
	if keys, _ := outside(server.Connect(t, own)); len(keys) != 1 || keys[0].Table != "away" {
		t.Errorf("with one, without the privilege PROCESS: %v", keys)
	}
}
