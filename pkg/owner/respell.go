package owner

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// respell makes the own tables tell each table's rows apart as the table's key now does: an older version of this
// program, or another collation of the key, may have recorded them by other rules.
func (d *Database) respell(ctx context.Context, tables []string) error {
	d.spelled = map[string]string{}
	forms, err := version.Spellings(ctx, d.DB)
	if err != nil {
		return err
	}
	for _, name := range tables {
		t, err := d.Tables.Table(ctx, name)
		if errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) {
			continue // those who need the table say so
		}
		if err != nil {
			return err
		}
		form := t.SpellingForm()
		d.spelled[name] = form
		if form == forms[name] {
			continue
		}
		if err := version.Respell(ctx, d.DB, name, form, d.Tables.Identify); err != nil {
			return err
		}
		d.log.Info("rows are told apart by the collation of the table's key", zap.String("table", name), zap.String("collation", form))
	}
	return nil
}

// Respelled reports whether the collation of a table's key has changed since the database was opened: the own tables
// then know its rows by outdated rules.
func (d *Database) Respelled(ctx context.Context, table string) bool {
	t, err := d.Tables.Table(ctx, table)
	before, known := d.spelled[table]
	return err == nil && known && t.SpellingForm() != before
}
