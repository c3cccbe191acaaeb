package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// counters checks the counters of tables, which it gives the policy merge. Whether the columns are there, and can count, is
// known once the database is read.
func (c *checker) counters(cfg *Config, given map[string][]string) {
	if len(given) == 0 {
		return
	}
	cfg.Counters = given
	for _, table := range slices.Sorted(maps.Keys(given)) {
		key := keys.Join("counters", table)
		if !cfg.Syncs(table) && !cfg.Receives(table) && !c.Wrong("syncTables") && !c.Wrong("receiveTables") {
			c.Mistakef(key, "is not in syncTables or receiveTables%s", keys.Suggest(table, slices.Concat(cfg.SyncTables, cfg.ReceiveTables)))
		}
		for i, name := range given[table] {
			if slices.ContainsFunc(given[table][:i], func(other string) bool { return strings.EqualFold(name, other) }) {
				c.Mistakef(key, "has %q twice, which differ only in case: the server takes them for one column", name)
			}
		}
		policy := keys.Join("conflictPolicy", table)
		if p, ok := cfg.ConflictPolicy[table]; ok && p.Name != "merge" && !c.Wrong(policy) {
			c.Mistakef(policy, "a table with counters is merged: write \"merge\", or remove it, or remove the table from counters")
		}
		if cfg.ConflictPolicy == nil {
			cfg.ConflictPolicy = map[string]Policy{}
		}
		cfg.ConflictPolicy[table] = Policy{Name: "merge", Counters: given[table]}
	}
}

// Counts returns a table's counters.
func (c *Config) Counts(table string) []string { return c.Counters[table] }
