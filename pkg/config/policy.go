package config

import (
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// policies reads the policies of tables and checks that each can decide.
func (c *checker) policies(cfg *Config, given map[string]any) map[string]Policy {
	if len(given) == 0 {
		return nil
	}
	policies := make(map[string]Policy, len(given))
	for _, table := range slices.Sorted(maps.Keys(given)) {
		key := keys.Join("conflictPolicy", table)
		if !cfg.Syncs(table) && !cfg.Receives(table) && !c.Wrong("syncTables") && !c.Wrong("receiveTables") {
			c.Mistakef(key, "is not in syncTables or receiveTables%s", keys.Suggest(table, slices.Concat(cfg.SyncTables, cfg.ReceiveTables)))
		}
		p, ok := policy(given[table])
		if !ok {
			continue // a mistake was noted
		}
		if p.Name == "priority" && len(p.Priority) == 0 && !c.Wrong(key) {
			c.Mistakef(keys.Join(key, "priority"), "is empty; list the clients, the one that wins first")
		}
		if p.Name == "script" && !cfg.HasScripts() && !c.Wrong("transformerDirectory") {
			c.Mistakef(key, `"script" requires transformerDirectory, where the table's file must export resolve`)
		}
		policies[table] = p
	}
	return policies
}

// Merges reports whether both sides' columns are kept when a row of a table was written at two sites.
func (c *Config) Merges(table string) bool { return c.ConflictPolicy[table].Name == "merge" }

// policy returns a checked value of conflictPolicy as a Policy.
func policy(v any) (p Policy, ok bool) {
	block, isBlock := v.(map[string]any)
	if !isBlock {
		p.Name, ok = v.(string)
		return p, ok
	}
	list, ok := block["priority"].([]any)
	p.Name = "priority"
	for _, client := range list {
		p.Priority = append(p.Priority, client.(string)) // as the schema has it
	}
	return p, ok
}
