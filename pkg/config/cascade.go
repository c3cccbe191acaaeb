package config

import "slices"

// TakesAlong reports whether rows of a table may be deleted along with a row that they refer
// to and that another node deleted. The name of a table in another database is qualified.
func (c *Config) TakesAlong(table string) bool {
	return c.Syncs(table) || c.Receives(table) || slices.Contains(c.CascadeTables, table) || slices.Contains(c.CascadeTables, Any)
}

// MayTake reports whether a client's change of a row may take along rows of another table that refer to it: delete them, if
// columns is nil, or write these columns. No one has rights to tables that are not received; for these, TakesAlong decides.
func (c *Config) MayTake(client, table string, columns []string) bool {
	switch {
	case !c.Receives(table):
		return true
	case columns == nil:
		return c.MayDelete(client, table)
	}
	return c.MayWrite(client, table) && !slices.ContainsFunc(columns, func(name string) bool { return !c.MayColumn(client, table, name) })
}
