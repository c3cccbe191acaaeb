package node

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// respell has the own tables tell the rows of each table apart as the table's key
// now does: an older version of this program, or another collation of the key, may
// have recorded them by other rules.
func (n *work) respell(ctx context.Context) error {
	n.spelled = map[string]string{}
	forms, err := version.Spellings(ctx, n.db)
	if err != nil {
		return err
	}
	for _, name := range n.cfg.Tables() {
		t, err := n.tables.Table(ctx, name)
		if errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) {
			continue // those who need the table say so
		}
		if err != nil {
			return err
		}
		form := t.SpellingForm()
		n.spelled[name] = form
		if form == forms[name] {
			continue
		}
		if err := version.Respell(ctx, n.db, name, form, n.tables.Identify); err != nil {
			return err
		}
		n.log.Info("rows are told apart by the collation of the table's key", zap.String("table", name), zap.String("collation", form))
	}
	return nil
}

// respelled has the node start anew where the collation of a table's key has changed:
// the own tables then know its rows by rules that do not hold any more.
func (n *work) respelled(ctx context.Context, table string) {
	t, err := n.tables.Table(ctx, table)
	before, known := n.spelled[table]
	if err != nil || !known || t.SpellingForm() == before {
		return
	}
	n.log.Info("the collation of a table's key has changed; restarting the node", zap.String("table", table))
	n.host.Restart(ctx)
}
