package apply

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// referMost is how many rows that refer to one row are looked up; looksMost, how many rows one statement looks up.
const (
	referMost = 2000
	looksMost = 500
)

// rekeyed reports whether foreign keys refer to columns of a table outside its primary key. An update may change those
// without changing the key.
func rekeyed(t *schema.Table) bool {
	return slices.ContainsFunc(t.Referrers, func(f schema.ForeignKey) bool { return !ofKey(t, f) })
}

// ofKey reports whether a foreign key refers only to columns of the primary key.
func ofKey(t *schema.Table, f schema.ForeignKey) bool {
	return !slices.ContainsFunc(f.RefColumns, func(name string) bool { return !slices.Contains(t.Key, t.Index(name)) })
}

// referred reports whether any row refers to one of those that are about to be deleted. These are locked, so no one can
// start to refer to them: an insert waits for its parent's lock. It costs a statement per foreign key and 500 rows.
func referred(ctx context.Context, tx Tx, t *schema.Table, steps []*Step) (bool, error) {
	for _, f := range t.Referrers {
		for part := range slices.Chunk(stepKeys(steps), looksMost) {
			if found, err := tx.Referred(ctx, t, f, part); err != nil || found {
				return found, err
			}
		}
	}
	return false, nil
}

// keyTuple returns a row's values in columns of its key.
func keyTuple(t *schema.Table, key string, columns []string) (Tuple, error) {
	values, err := t.KeyValues(key)
	if err != nil {
		return nil, err
	}
	v := make(Tuple, len(columns))
	for i, name := range columns {
		v[i] = values[slices.Index(t.Key, t.Index(name))]
	}
	return v, nil
}
