package schema

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Owner names a run of a node. The database belongs to the run named in sync_node.
type Owner string

// own hands the database to another run. It waits for transactions of the previous run, which lock its name; later ones
// find another name.
const own = `INSERT INTO sync_node (name, value) VALUES ('owner', ?) ON DUPLICATE KEY UPDATE value = VALUES(value)`

// Claim makes a new run the owner of the database, on the connection that holds its Lock. Once it has returned, no
// earlier run can write.
func Claim(ctx context.Context, holder *sql.Conn) (Owner, error) {
	o := Owner(rand.Text())
	if _, err := holder.ExecContext(ctx, own, string(o)); err != nil {
		return "", fmt.Errorf("take the database over: %w", err)
	}
	return o, nil
}

// Condition is the condition of a fenced pool; see mysqldb.Fence. The shared lock keeps only the next owner waiting
// until the transaction has ended.
func (o Owner) Condition() string {
	return `SELECT 1 FROM sync_node WHERE name = 'owner' AND value = ` + mysqldb.QuoteString(string(o)) + ` LOCK IN SHARE MODE`
}

// Owns reports whether the database still belongs to the run.
func (o Owner) Owns(ctx context.Context, holder *sql.Conn) (bool, error) {
	var owner string
	err := holder.QueryRowContext(ctx, `SELECT value FROM sync_node WHERE name = 'owner'`).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) || mysqldb.SchemaChanged(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read whose the database is: %w", err)
	}
	return owner == string(o), nil
}
