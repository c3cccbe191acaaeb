package owner

import (
	"context"
	"slices"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Database is a database that the node owns: its own tables exist in this program's form, and no one else writes them.
type Database struct {
	DB     *mysqldb.DB
	Apply  *mysqldb.DB     // sessions that write what was received
	Guests *mysqldb.Guests // sessions of the users' scripts
	Tables *schema.Tables
	Stream *version.Stream // the order of what is written
	Origin string          // of writes made here

	log     *zap.Logger
	lock    *Lock
	records *Records
	lives   *Lives
	spelled map[string]string // the rules by which each table's rows are told apart
	ends    []func()          // what to close, last first
}

// Open makes the node the owner of a database, with its tables, or returns what is in the way; see Acquire, Lock.Own
// and OpenRecords. session are variables of the sessions that write received rows. The database is closed with what
// Open returns, or if it fails.
func Open(ctx context.Context, log *zap.Logger, cfg *config.Config, db *mysqldb.DB, tables *schema.Tables, session ...config.Variable) (*Database, error) {
	d := &Database{DB: db, Tables: tables, log: log}
	d.After(func() { db.Close() })
	if err := d.open(ctx, cfg, session); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Database) open(ctx context.Context, cfg *config.Config, session []config.Variable) (err error) {
	if d.Apply, err = mysqldb.Open(ctx, d.log.Named("apply"), cfg.MySQL, session...); err != nil {
		return err
	}
	d.After(func() { d.Apply.Close() })
	if d.Guests, err = mysqldb.OpenGuests(cfg.TransformerMySQL()); err != nil {
		return err
	}
	d.After(func() { d.Guests.Close() })
	if err := d.Apply.Spell(ctx, cfg.Tables()); err != nil {
		return err
	}
	if d.lock, err = Acquire(ctx, d.log, d.DB, cfg.ClientName); err != nil {
		return err
	}
	d.After(d.lock.Release)
	if err := schema.Migrate(ctx, d.log.Named("schema"), d.DB); err != nil {
		return err
	}
	if err := d.lock.Own(ctx, d.DB, d.Apply); err != nil {
		return err
	}
	if err := d.respell(ctx, cfg.Tables()); err != nil {
		return err
	}
	if d.records, err = OpenRecords(ctx, d.log, d.DB, cfg.QueueDirectory, cfg.ClientName); err != nil {
		return err
	}
	d.After(d.records.Close)
	d.Origin = change.Origin(cfg.ClientName, d.records.Life)
	d.lives = OpenLives(d.log, cfg.QueueDirectory, cfg.ClientName, d.records.Life)
	d.Stream, err = d.stream(ctx)
	return err
}

// stream opens the stream once all transactions of an earlier run have ended. A node lost behind a silent network keeps
// its locks until the server drops its connection, after a minute.
func (d *Database) stream(ctx context.Context) (s *version.Stream, err error) {
	err = mysqldb.Until(ctx, d.log, "waiting for transactions of an earlier run to end", func() error {
		s, err = version.OpenStream(ctx, d.DB)
		return err
	})
	return s, err
}

// Keep keeps the database, and the records of what is written there, until ctx ends; see
// Lock.Hold and Records.Mark.
func (d *Database) Keep(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.lock.Hold(ctx) })
	g.Go(func() error { return d.records.Mark(ctx, d.DB, d.Stream) })
	return g.Wait()
}

// Recorded remembers that changes were recorded up to a position; see Records.Note.
func (d *Database) Recorded(position int64) { d.records.Note(position) }

// Credited returns the origin to which an increment is credited that was made at a time, by the server's clock; see
// Lives.Credited.
func (d *Database) Credited(at int64) string { return d.lives.Credited(at) }

// After registers a function to call before the database is released, in reverse order.
func (d *Database) After(end func()) { d.ends = append(d.ends, end) }

// Close releases the database.
func (d *Database) Close() {
	for _, end := range slices.Backward(d.ends) {
		end()
	}
}
