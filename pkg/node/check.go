package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// probeTime is how long the start waits for the broker's word on the login; a
// broker that says nothing is waited for later, while the node runs.
const probeTime = 3 * time.Second

// checkServers opens the database and returns all mistakes at once that only
// the servers can tell: refused logins, and tables that are not there or cannot
// be synced.
func (n *Node) checkServers(ctx context.Context) (*mysqldb.DB, *schema.Tables, error) {
	var wg sync.WaitGroup
	var brokerErr error
	wg.Go(func() { brokerErr = n.probeBroker(ctx) })
	var tables *schema.Tables
	db, dbErr := mysqldb.Open(ctx, n.log.Named("database"), n.cfg.MySQL)
	if dbErr != nil {
		dbErr = fmt.Errorf("mysqlConfig: %w", dbErr)
	} else {
		tables = schema.NewTables(db)
		dbErr = errors.Join(db.Spell(ctx, n.cfg.Tables()), n.checkTables(ctx, tables), check.ApplySession(ctx, n.cfg), check.TransformerLogin(ctx, n.cfg), check.BinaryLog(ctx, db))
	}
	wg.Wait()
	if err := errors.Join(dbErr, brokerErr); err != nil {
		if db != nil {
			_ = db.Close() // the mistakes are what is to be told
		}
		return nil, nil, err
	}
	return db, tables, nil
}

// Check finds what would keep the node from starting, without changing anything.
func (n *Node) Check(ctx context.Context) error {
	db, _, err := n.checkServers(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	t, err := n.loadTransformers(zap.NewNop(), nil)
	if t != nil {
		t.Close()
	}
	return err
}

// lockedPause is between two looks at tables that somebody holds as the node starts.
const lockedPause = time.Second

// checkTables returns what is wrong with the tables. One that cannot be read now, since somebody
// has locked it, is no mistake: it is waited for.
func (n *Node) checkTables(ctx context.Context, tables *schema.Tables) error {
	for told := false; ; told = true {
		err := check.Tables(ctx, tables, n.cfg)
		if !mysqldb.Stuck(err) {
			return err
		}
		if !told {
			n.log.Warn("cannot start yet: waiting for a table that cannot be read", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockedPause):
		}
	}
}

// probeBroker asks the broker whether it takes the login.
func (n *Node) probeBroker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	return check.BrokerLogin(ctx, n.cfg.MQTT)
}

// loadTransformers loads the scripts and checks that those are there that the
// configuration needs.
func (n *Node) loadTransformers(log *zap.Logger, guests *mysqldb.Guests) (*transform.Transformers, error) {
	t := transform.New(log, render.Querier{Guests: guests}, publisher{n.line.transport}, transform.Config{Directory: n.cfg.TransformerDirectory, MaxRow: n.cfg.LargestRow()})
	if err := t.Load(n.cfg.Tables()); err != nil {
		return nil, fmt.Errorf("transformerDirectory: %w", err)
	}
	return t, check.Resolvers(n.cfg.ConflictPolicy, t)
}

// publisher publishes the messages of scripts.
type publisher struct{ s *transport.Session }

// Publish publishes a message and waits until the broker has it.
func (p publisher) Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error {
	err := p.s.Publish(ctx, transport.Message{Topic: topic, Payload: message, QoS: qos, Retain: retain})
	if errors.Is(err, transport.ErrOffline) {
		err = transform.Later(err)
	}
	return err
}
