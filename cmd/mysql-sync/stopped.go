package main

import (
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// stopped returns the stopped node of a database.
func stopped(cfg *config.Config, db *mysqldb.DB) *status.Stopped {
	return status.OfStopped(cfg, db, trigger.New(zap.NewNop(), db, trigger.Config{}))
}
