package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
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
		dbErr = errors.Join(named("syncTables", n.tables.Check(ctx, n.cfg.SyncTables)),
			named("receiveTables", n.tables.Check(ctx, n.cfg.ReceiveTables)))
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

// named puts a key of the configuration before each of joined errors.
func named(key string, err error) error {
	if err == nil {
		return nil
	}
	var list []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, fmt.Errorf("%s: %w", key, e))
		}
		return errors.Join(list...)
	}
	return fmt.Errorf("%s: %w", key, err)
}

// probeBroker connects once, under a name of its own, to learn whether the
// broker takes the login.
func (n *Node) probeBroker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	c := transport.Config{MQTT: n.cfg.MQTT, OnUp: func(context.Context) error { cancel(); return nil }}
	c.MQTT.ClientID += "-check"
	s, err := transport.New(zap.NewNop(), c, func(transport.Delivery) {})
	if err != nil {
		return fmt.Errorf("mqttConfig: %w", err)
	}
	if err := s.Run(ctx); err != nil {
		return fmt.Errorf("mqttConfig: %w", err)
	}
	return nil
}
