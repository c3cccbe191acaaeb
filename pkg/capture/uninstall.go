package capture

import (
	"context"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Standing returns the names of all triggers that begin with mysqlSync, sorted.
func Standing(ctx context.Context, db *mysqldb.DB) ([]string, error) {
	standing, err := readTriggers(ctx, db)
	return slices.Sorted(maps.Keys(standing)), err
}

// Uninstall drops all triggers whose names begin with mysqlSync. It returns an
// error unless none stands: as long as one does, table_changes must, or the users'
// writes fail. Promise 7.
func Uninstall(ctx context.Context, log *zap.Logger, db *mysqldb.DB) error {
	return install(ctx, log, db, nil, installTries)
}
