package schema

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Kinds of a Doubt.
const (
	DoubtVanished = "vanished" // rows vanished without a trigger
	DoubtUnseen   = "unseen"   // it may have been written while no node ran
)

// Doubt is why a table may differ from the remotes' tables.
type Doubt struct {
	Table, Kind string
}

// SetDoubt stores when a doubt was last noticed.
func SetDoubt(ctx context.Context, db mysqldb.Execer, d Doubt, at time.Time) error {
	if _, err := db.ExecContext(ctx, `INSERT INTO sync_doubts (table_name, kind, noticed_at) VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE noticed_at = VALUES(noticed_at)`, d.Table, d.Kind, at.UTC().Format(microseconds)); err != nil {
		return fmt.Errorf("write into sync_doubts: %w", err)
	}
	return nil
}

// EndDoubt removes a doubt.
func EndDoubt(ctx context.Context, db mysqldb.Execer, d Doubt) error {
	if _, err := db.ExecContext(ctx, `DELETE FROM sync_doubts WHERE table_name = ? AND kind = ?`, d.Table, d.Kind); err != nil {
		return fmt.Errorf("delete from sync_doubts: %w", err)
	}
	return nil
}

// Doubts returns all doubts, and when they were noticed.
func Doubts(ctx context.Context, db *mysqldb.DB) (map[Doubt]time.Time, error) {
	all := map[Doubt]time.Time{}
	err := mysqldb.Each(ctx, db, `SELECT table_name, kind, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', noticed_at) FROM sync_doubts`, nil, func(rows *sql.Rows) error {
		var d Doubt
		var at int64
		if err := rows.Scan(&d.Table, &d.Kind, &at); err != nil {
			return err
		}
		all[d] = time.UnixMicro(at)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_doubts: %w", err)
	}
	return all, nil
}

// microseconds is the format of a DATETIME(6).
const microseconds = "2006-01-02 15:04:05.000000"
