package testkit

import (
	"context"
	"errors"
)

// HeldElsewhere makes another schema of the shared server with a table that no one may even look at until the test ends: a
// RENAME has it, and waits for a second table, which a transaction is reading.
func HeldElsewhere(tb TB) {
	tb.Helper()
	server := Shared(tb)
	users := server.Open(tb, server.Create(tb))
	Exec(tb, users, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)",
		"CREATE TRIGGER mine AFTER INSERT ON a FOR EACH ROW SET @x = 1")
	ctx := context.Background()
	reader, err := users.BeginTxx(ctx, nil)
	if err != nil {
		tb.Fatalf("read a table: %v", err)
	}
	Exec(tb, reader, "SELECT * FROM b")
	renamed := make(chan struct{})
	tb.Cleanup(func() {
		_ = reader.Rollback()
		<-renamed
	})
	go func() {
		defer close(renamed)
		_, _ = users.ExecContext(ctx, "RENAME TABLE a TO c, b TO a") // the server may be gone by then
	}()
	Eventually(tb, "a RENAME to wait", func() error {
		var n int
		err := users.Get(&n, `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND STATE LIKE 'Waiting for table%'`)
		if err == nil && n == 0 {
			err = errors.New("it does not")
		}
		return err
	})
}
