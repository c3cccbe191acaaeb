package owner

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Claim takes the database like a node, for a command that must not run alongside one. No node uses it until release is
// called, or lost ends. The error is ErrSecondNode if a node is using it.
func Claim(ctx context.Context, log *zap.Logger, db *mysqldb.DB, client string) (lost context.Context, release func(), err error) {
	lock, err := Acquire(ctx, log, db, client)
	if err != nil {
		return nil, nil, err
	}
	lost, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel(lock.Hold(lost))
	}()
	return lost, func() {
		cancel(nil)
		<-done
		lock.Release()
	}, nil
}

// Claimed reports whether a node, or a command, is using the database.
func Claimed(ctx context.Context, db *mysqldb.DB) (bool, error) {
	var claimed bool
	if err := db.GetContext(ctx, &claimed, `SELECT IS_USED_LOCK(?) IS NOT NULL`, schema.Lock(db.Name)); err != nil {
		return false, fmt.Errorf("look for a node on the database: %w", err)
	}
	return claimed, nil
}
