package capture

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// forgetTied drops from the cache the tables at both ends of foreign keys that have
// come or gone since the last look: apply asks the definition of a parent which
// tables refer to it.
func (w *Watcher) forgetTied(keys []schema.ForeignKey) {
	if slices.EqualFunc(keys, w.ties, schema.ForeignKey.Same) {
		return
	}
	if w.ties != nil {
		for _, changed := range [][]schema.ForeignKey{without(keys, w.ties), without(w.ties, keys)} {
			for _, f := range changed {
				w.tables.Forget(f.Table)
				w.tables.Forget(f.RefTable)
			}
		}
	}
	w.ties = append([]schema.ForeignKey{}, keys...)
}

// without returns the keys of a list that another does not have.
func without(list, other []schema.ForeignKey) []schema.ForeignKey {
	return slices.DeleteFunc(slices.Clone(list), func(f schema.ForeignKey) bool {
		return slices.ContainsFunc(other, func(o schema.ForeignKey) bool { return f.Same(o) })
	})
}
