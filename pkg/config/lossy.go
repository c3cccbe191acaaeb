package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Any, in AllowLossy, stands for every table or every column.
const Any = "*"

// lossy reads which columns may store a value other than the one received.
func (c *checker) lossy(cfg *Config, given map[string]any) map[string][]string {
	if len(given) == 0 {
		return nil
	}
	list := make(map[string][]string, len(given))
	for _, table := range slices.Sorted(maps.Keys(given)) {
		if table != Any && !cfg.Receives(table) && !c.Wrong("receiveTables") {
			c.Mistakef(keys.Join("allowLossy", table), "is not in receiveTables%s", keys.Suggest(table, cfg.ReceiveTables))
		}
		columns, _ := given[table].([]any)
		for _, column := range columns {
			list[table] = append(list[table], column.(string)) // as the schema has it
		}
	}
	return list
}

// Lossy reports whether a column may store a value other than the one received. A counter must not: what the server rounds off
// would count as an increment of this site.
func (c *Config) Lossy(table, column string) bool {
	if slices.ContainsFunc(c.Counts(table), func(counter string) bool { return strings.EqualFold(counter, column) }) {
		return false
	}
	for _, t := range []string{table, Any} {
		if list := c.AllowLossy[t]; slices.Contains(list, column) || slices.Contains(list, Any) {
			return true
		}
	}
	return false
}
