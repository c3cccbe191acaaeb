package main

import (
	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// stopped returns a stopped node, given its database.
func stopped(cfg *config.Config, db *mysqldb.DB) *status.Stopped {
	return status.OfStopped(cfg, db, choice.Stopped(db))
}
