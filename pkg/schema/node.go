package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// What sync_node holds besides the owner.
const (
	NodePosition = "position" // of the stream: at least one that was handed out
	NodeDatabase = "database" // a name that the node has given it
	NodeSetBack  = "setBack"  // when a restore of the database from a backup was noticed, until it was compared
)

// SetNode stores a value.
func SetNode(ctx context.Context, db mysqldb.Execer, name, value string) error {
	if _, err := db.ExecContext(ctx, `INSERT INTO sync_node (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)`, name, value); err != nil {
		return fmt.Errorf("write %s into sync_node: %w", name, err)
	}
	return nil
}

// SetBackAt returns when a restore of the database from a backup was noticed; the zero time if there was none, or it
// was compared since.
func SetBackAt(ctx context.Context, db *mysqldb.DB) (at time.Time, err error) {
	var text string
	err = db.GetContext(ctx, &text, `SELECT value FROM sync_node WHERE name = ?`, NodeSetBack)
	if errors.Is(err, sql.ErrNoRows) {
		return at, nil
	}
	if err == nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return at, fmt.Errorf("read %s of sync_node: %w", NodeSetBack, err)
	}
	return at, nil
}

// ForgetSetBack notes that the database was compared.
func ForgetSetBack(ctx context.Context, db mysqldb.Execer) error {
	if _, err := db.ExecContext(ctx, `DELETE FROM sync_node WHERE name = ?`, NodeSetBack); err != nil {
		return fmt.Errorf("delete %s from sync_node: %w", NodeSetBack, err)
	}
	return nil
}
