package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// probeTime is how long the start waits for the broker's word on the login; a
// broker that says nothing is waited for later, while the node runs.
const probeTime = 3 * time.Second

// checkServers opens the database and returns all mistakes at once that only
// the servers can tell: refused logins, and tables that are not there or cannot
// be synced.
func (n *Node) checkServers(ctx context.Context) (*mysqldb.DB, error) {
	var wg sync.WaitGroup
	var brokerErr error
	wg.Go(func() { brokerErr = n.probeBroker(ctx) })
	db, dbErr := mysqldb.Open(ctx, n.log.Named("database"), n.cfg.MySQL)
	if dbErr != nil {
		dbErr = fmt.Errorf("mysqlConfig: %w", dbErr)
	} else {
		n.tables = schema.NewTables(db)
		dbErr = errors.Join(db.Spell(ctx, n.allTables()), check.Tables(ctx, n.tables, n.cfg), check.ApplySession(ctx, n.cfg), check.BinaryLog(ctx, db))
	}
	wg.Wait()
	if err := errors.Join(dbErr, brokerErr); err != nil {
		if db != nil {
			_ = db.Close() // the mistakes are what is to be told
		}
		return nil, err
	}
	return db, nil
}

// probeBroker asks the broker whether it takes the login.
func (n *Node) probeBroker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	return check.BrokerLogin(ctx, n.cfg.MQTT)
}
