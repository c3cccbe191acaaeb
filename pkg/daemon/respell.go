package daemon

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// respell has the own tables tell the rows of each table apart as the table's key
// now does: an older version of this program, or another collation of the key, may
// have recorded them by other rules.
func (n *Node) respell(ctx context.Context, db *mysqldb.DB) error {
	forms, err := version.Spellings(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range n.allTables() {
		t, err := n.tables.Table(ctx, name)
		if errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) {
			continue // those who need the table say so
		}
		if err != nil {
			return err
		}
		form := t.SpellingForm()
		if form == forms[name] {
			continue
		}
		if err := version.Respell(ctx, db, name, form, n.tables.Identify); err != nil {
			return err
		}
		n.log.Info("rows are told apart by the collation of the table's key", zap.String("table", name), zap.String("collation", form))
	}
	return nil
}
