package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// connectTime bounds how long a command waits for a database that is not there.
const connectTime = 10 * time.Second

// open reads a configuration and connects to its database, for the commands that
// work on the node's own tables. A running node sees what they do there within a
// second.
func open(ctx context.Context, path string) (*config.Config, *mysqldb.DB, error) {
	cfg, _, err := config.Load(path, os.Environ())
	if err != nil {
		return nil, nil, usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	db, err := mysqldb.Open(ctx, zap.NewNop(), cfg.MySQL)
	if err != nil {
		return nil, nil, err
	}
	var tables int
	err = db.GetContext(ctx, &tables, `SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'sync_snapshots'`, db.Name)
	if err == nil && tables == 0 {
		err = fmt.Errorf("database %s has no tables of mysql-sync: start the node once first", db.Name)
	}
	if err != nil {
		_ = db.Close() // the first error is the one to tell
		return nil, nil, err
	}
	return cfg, db, nil
}

// remotesOf returns the one remote asked for, or all.
func remotesOf(cfg *config.Config, remote string) ([]string, error) {
	if remote == "" {
		return cfg.RemoteClients, nil
	}
	if !slices.Contains(cfg.RemoteClients, remote) {
		return nil, usageError{fmt.Errorf("--remote: %s is not in remoteClients", remote)}
	}
	return []string{remote}, nil
}
