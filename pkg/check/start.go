package check

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

const (
	// probeTime is how long a start waits for the broker's response to the login; while it runs, the node goes on waiting
	// for a silent broker.
	probeTime = 3 * time.Second
	// lockedPause is the pause between two checks of locked tables at startup.
	lockedPause = time.Second
)

// Start finds what would keep a node from starting, without changing anything.
func Start(ctx context.Context, log *zap.Logger, cfg *config.Config) error {
	db, _, err := open(ctx, log, cfg, func(ctx context.Context, tables *schema.Tables, cfg *config.Config) error {
		return errors.Join(Tables(ctx, tables, cfg), ledRoutes(ctx, tables, cfg))
	})
	if err != nil {
		return err
	}
	defer db.Close()
	for i := range cfg.Leads {
		led, err := loadLed(&cfg.Leads[i])
		if err != nil {
			return fmt.Errorf("lead.%s.scripts: %w", cfg.Leads[i].Name, err)
		}
		led.Close()
	}
	t := transform.New(zap.NewNop(), silent{}, silent{}, transform.Of(cfg))
	defer t.Close()
	return t.LoadFor(cfg)
}

// Open opens the database of a starting node. It returns at once all mistakes that only the servers can reveal: refused
// logins, and tables that are missing or cannot be synced. A table that the hub names may be gone; see ledTables.
func Open(ctx context.Context, log *zap.Logger, cfg *config.Config) (*mysqldb.DB, *schema.Tables, error) {
	return open(ctx, log, cfg, func(ctx context.Context, tables *schema.Tables, cfg *config.Config) error {
		return ledTables(log, cfg, Tables(ctx, tables, cfg))
	})
}

type tablesCheck func(ctx context.Context, tables *schema.Tables, cfg *config.Config) error

func open(ctx context.Context, log *zap.Logger, cfg *config.Config, judge tablesCheck) (*mysqldb.DB, *schema.Tables, error) {
	var wg sync.WaitGroup
	var brokerErr error
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		brokerErr = BrokerLogin(ctx, cfg.MQTT)
	})
	var tables *schema.Tables
	db, dbErr := mysqldb.Open(ctx, log.Named("database"), cfg.MySQL)
	if dbErr != nil {
		dbErr = fmt.Errorf("mysqlConfig: %w", dbErr)
	} else {
		tables = schema.NewTables(db)
		dbErr = errors.Join(db.Spell(ctx, cfg.Tables()), awaitTables(ctx, log, tables, cfg, judge), ApplySession(ctx, cfg), TransformerLogin(ctx, cfg), BinaryLog(ctx, db), LogReadable(ctx, db, cfg))
	}
	wg.Wait()
	if err := errors.Join(dbErr, brokerErr); err != nil {
		if db != nil {
			_ = db.Close() // only the mistakes matter
		}
		return nil, nil, err
	}
	return db, tables, nil
}

// awaitTables returns what is wrong with the tables. A table that cannot be read now because someone has locked it is no
// mistake: it waits for that.
func awaitTables(ctx context.Context, log *zap.Logger, tables *schema.Tables, cfg *config.Config, judge tablesCheck) error {
	for told := false; ; told = true {
		err := judge(ctx, tables, cfg)
		if !mysqldb.Stuck(err) {
			return err
		}
		if !told {
			log.Warn("cannot start yet: waiting for a table that cannot be read", zap.Error(err))
		}
		if err := pause.For(ctx, lockedPause); err != nil {
			return err
		}
	}
}
