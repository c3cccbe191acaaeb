package config

import "slices"

// TakesAlong reports whether rows of a table may go with a row that they refer to, which was
// deleted at another node. A table in another database has that before its name.
func (c *Config) TakesAlong(table string) bool {
	return c.Syncs(table) || c.Receives(table) || slices.Contains(c.CascadeTables, table) || slices.Contains(c.CascadeTables, Any)
}
