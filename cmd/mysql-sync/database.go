package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// connectTime bounds how long a command waits for a database that does not answer.
const connectTime = 10 * time.Second

// connect connects to the database of a configuration.
func connect(ctx context.Context, cfg *config.Config) (*mysqldb.DB, error) {
	limited, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	db, err := mysqldb.Open(limited, zap.NewNop(), cfg.MySQL)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("the database (mysqlConfig) did not answer within %s", connectTime)
	}
	if err == nil {
		if err = db.Spell(ctx, allTables(cfg)); err != nil {
			_ = db.Close() // the first error is the one to report
		}
	}
	return db, err
}

// open is connect for the commands that work on the node's own tables, which must exist in this version's form.
func open(ctx context.Context, cfg *config.Config) (*mysqldb.DB, error) {
	db, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := schema.CheckReady(ctx, db); err != nil {
		_ = db.Close() // the first error is the one to report
		return nil, err
	}
	return db, nil
}

// checkRemote rejects a remote that the configuration does not name; "" means all.
func checkRemote(cfg *config.Config, remote string) error {
	if remote != "" && !slices.Contains(cfg.RemoteClients, remote) {
		return command.Usage(fmt.Errorf("--remote: %s is not in remoteClients%s", remote, meant(remote, cfg.RemoteClients)))
	}
	return nil
}

// checkTable rejects a table that the configuration does not name; "" means all.
func checkTable(cfg *config.Config, table string) error {
	if table != "" && !slices.Contains(allTables(cfg), table) {
		return command.Usage(fmt.Errorf("table %s is in neither syncTables nor receiveTables%s", table, meant(table, allTables(cfg))))
	}
	return nil
}
