package trigger

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Standing returns the sorted names of all triggers that begin with mysqlSync, and of the node's triggers in other schemas,
// with the schema.
func Standing(ctx context.Context, db *mysqldb.DB) ([]string, error) {
	standing, err := readTriggers(ctx, db, nil)
	return slices.Sorted(maps.Keys(standing)), err
}

// Uninstall drops all triggers that Standing names. It returns an error unless none are left: as long as one exists,
// table_changes must exist too, or users' writes fail. Promise 7.
func Uninstall(ctx context.Context, log *zap.Logger, db *mysqldb.DB) error {
	standing, err := readTriggers(ctx, db, nil)
	if err != nil {
		return err
	}
	done, err := install(ctx, log, db, nil, standing, installTries, nil)
	return errors.Join(append(slices.Collect(maps.Values(done.held)), err)...)
}
