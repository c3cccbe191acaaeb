package schema

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ledger is the table that is created first and dropped last.
const ledger = "sync_migrations"

// Own lists the node's own tables, which are all that uninstall has to drop.
var Own = []string{"table_changes", "sync_status", "sync_versions", "sync_outbox", "sync_sent", "sync_noted", "sync_conflicts", "sync_snapshots", "sync_remotes", "sync_kept", "sync_node", "sync_clients", "sync_captured", "sync_spellings", "sync_doubts", "sync_pauses",
	"sync_labels", "sync_routes", "sync_lookups", "sync_moves", "sync_reroutes", "sync_invitations", "sync_sites", "sync_leads", "sync_acts", "sync_log", "sync_log_done", ledger}

// createLedger runs first at each start.
const createLedger = `CREATE TABLE IF NOT EXISTS sync_migrations (
  number INT NOT NULL PRIMARY KEY,
  applied_at DATETIME NOT NULL
) ENGINE=InnoDB`

// Migrate brings the node's own tables to this version's form. It runs at each start, changes nothing if all is done,
// and may be killed at any point: each statement can be run again. A database that has none of them is given the newest
// form at once. Tables that an existing peer of the documented protocol left are taken over with their content.
func Migrate(ctx context.Context, log *zap.Logger, db *mysqldb.DB) error {
	if _, err := db.ExecContext(ctx, createLedger); err != nil {
		return fmt.Errorf("create the own tables: %w", err)
	}
	var done int
	if err := db.GetContext(ctx, &done, `SELECT COALESCE(MAX(number), 0) FROM sync_migrations`); err != nil {
		return fmt.Errorf("read sync_migrations: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if done == 0 {
		created, err := create(ctx, db, len(files))
		if err != nil {
			return err
		}
		if created {
			log.Info("own tables created", zap.Int("number", len(files)))
			return nil
		}
		if err := adopt(ctx, log, db); err != nil {
			return err
		}
	}
	newest := 0
	for _, name := range files {
		number, err := strconv.Atoi(name[len("migrations/"):][:4])
		if err != nil {
			return fmt.Errorf("migration %s: its name must begin with a number", name)
		}
		newest = max(newest, number)
		if number <= done {
			continue
		}
		for try := 1; ; try++ {
			err := migrate(ctx, db, name, number)
			if err == nil {
				break
			}
			if !mysqldb.LockTimeout(err) || try == lockTries {
				return err
			}
			log.Warn("waiting for transactions that use the node's tables to end", zap.Error(err))
			if err := pause.For(ctx, lockPause); err != nil {
				return err
			}
		}
		log.Info("own tables migrated", zap.Int("number", number))
	}
	if err := tooNew(done, newest); err != nil {
		return err
	}
	return missing(ctx, db)
}

func tooNew(done, newest int) error {
	if done > newest {
		return fmt.Errorf("the node's tables are at migration %d, but this version of mysql-sync knows only %d: run the newer version", done, newest)
	}
	return nil
}

// CheckOwn returns why Migrate would refuse the existing tables: the own tables are of a newer version, or
// table_changes is an unrelated table. It changes nothing.
func CheckOwn(ctx context.Context, db *mysqldb.DB) error {
	standing, err := Standing(ctx, db)
	if err != nil {
		return err
	}
	if len(standing) == 0 {
		columns, err := olderColumns(ctx, db)
		if err == nil && len(columns) > 0 && !slices.ContainsFunc(columns, olderColumn.counts) {
			err = errForeign
		}
		return err
	}
	done, newest, err := form(ctx, db)
	if err != nil {
		return err
	}
	return tooNew(done, newest)
}

// CheckReady returns an error unless the own tables exist in this version's form. It changes nothing.
func CheckReady(ctx context.Context, db *mysqldb.DB) error {
	standing, err := Standing(ctx, db)
	if err != nil {
		return err
	}
	if len(standing) == 0 {
		return fmt.Errorf("database %s has no mysql-sync tables: start the node once first", db.Name)
	}
	done, newest, err := form(ctx, db)
	if err != nil {
		return err
	}
	if done < newest {
		return fmt.Errorf("the mysql-sync tables in database %s are from an older version: start the node once first", db.Name)
	}
	return tooNew(done, newest)
}

// form returns the number of the last migration applied to the own tables, and of the last one that exists.
func form(ctx context.Context, db *mysqldb.DB) (done, newest int, err error) {
	if err := db.GetContext(ctx, &done, `SELECT COALESCE(MAX(number), 0) FROM sync_migrations`); err != nil {
		return 0, 0, fmt.Errorf("read sync_migrations: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	return done, len(files), err // they are numbered from 1 without gaps
}

// lockTries is how often to try for a table that users' triggers write to. Each try waits only a moment, then lets the
// writers queued behind it pass.
const (
	lockTries = 60
	lockPause = time.Second
)

// The server's errors for a column or an index that already exists.
const (
	duplicateColumn = 1060
	duplicateIndex  = 1061
)

func migrate(ctx context.Context, db *mysqldb.DB, name string, number int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	for _, stmt := range statements(string(text)) {
		// A statement that adds columns or an index adds all or none: if they exist, it ran before the kill.
		_, err := db.ExecContext(ctx, stmt)
		if n := mysqldb.Number(err); err != nil && n != duplicateColumn && n != duplicateIndex {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	if _, err := db.ExecContext(ctx, `INSERT IGNORE INTO sync_migrations (number, applied_at) VALUES (?, UTC_TIMESTAMP())`, number); err != nil {
		return fmt.Errorf("migration %s: record: %w", name, err)
	}
	return nil
}

// errForeign says that the name of an own table is taken.
var errForeign = errors.New("the database has a table table_changes that does not belong to mysql-sync (it has no auto-increment key id): rename it, then restart")

// olderColumn is a column of a table_changes that may be an existing peer's.
type olderColumn struct {
	Name     string  `db:"name"`
	Type     string  `db:"type"`
	Nullable string  `db:"nullable"`
	Key      string  `db:"key_kind"`
	Extra    string  `db:"extra"`
	Default  *string `db:"default_value"`
}

// counts reports whether the column is the auto-increment key of the changes.
func (c olderColumn) counts() bool {
	return c.Name == "id" && c.Key == "PRI" &&
		(strings.Contains(c.Extra, "auto_increment") || c.Default != nil && strings.Contains(*c.Default, "uuid_short"))
}

func olderColumns(ctx context.Context, db *mysqldb.DB) ([]olderColumn, error) {
	var columns []olderColumn
	err := db.SelectContext(ctx, &columns, `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable,
		COLUMN_KEY AS key_kind, EXTRA AS extra, COLUMN_DEFAULT AS default_value
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'table_changes' ORDER BY ORDINAL_POSITION`, db.Name)
	if err != nil {
		return nil, fmt.Errorf("look for an older table_changes: %w", err)
	}
	return columns, nil
}

// adopt makes a table_changes created by an existing peer fit both: that peer's triggers, which keep writing until they
// are replaced, and ours. Its rows are changes not yet sent, and are kept.
func adopt(ctx context.Context, log *zap.Logger, db *mysqldb.DB) error {
	columns, err := olderColumns(ctx, db)
	if err != nil || len(columns) == 0 {
		return err
	}
	want := map[string]string{
		"table_name":  "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
		"primary_key": "VARBINARY(12288) NOT NULL",
		"date":        "DATETIME(6) NOT NULL DEFAULT '1970-01-01 00:00:01'",
		"origin":      "VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL",
	}
	var changes []string
	counted := false
	for _, c := range columns {
		if c.counts() {
			counted = true
			continue
		}
		if t, ok := want[c.Name]; ok {
			changes = append(changes, "MODIFY "+mysqldb.Quote(c.Name)+" "+t)
			delete(want, c.Name)
		} else if c.Nullable == "NO" && c.Default == nil {
			changes = append(changes, "MODIFY "+mysqldb.Quote(c.Name)+" "+c.Type+" NULL")
		}
	}
	if !counted {
		return errForeign
	}
	for name, t := range want {
		changes = append(changes, "ADD "+mysqldb.Quote(name)+" "+t)
	}
	changes = append(changes, "ADD KEY changed_row (primary_key(48), table_name)")
	if _, err := db.ExecContext(ctx, "ALTER TABLE table_changes "+strings.Join(changes, ", ")); err != nil && mysqldb.Number(err) != 1061 {
		return fmt.Errorf("take over the older table_changes: %w", err)
	}
	log.Info("took over an older table_changes with its rows")
	return nil
}
