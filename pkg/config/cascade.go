package config

import "slices"

// TakesAlong reports whether rows of a table may go with a row that they refer to, which was
// deleted at another node. A table in another database has that before its name.
func (c *Config) TakesAlong(table string) bool {
	return c.Syncs(table) || c.Receives(table) || slices.Contains(c.CascadeTables, table) || slices.Contains(c.CascadeTables, Any)
}

// MayTake reports whether a client's change of a row may take along rows of another table that refer to it: delete them, where
// columns is nil, or write such columns of theirs. Of tables that are not received nobody has rights: TakesAlong says so.
func (c *Config) MayTake(client, table string, columns []string) bool {
	switch {
	case !c.Receives(table):
		return true
	case columns == nil:
		return c.MayDelete(client, table)
	}
	return c.MayWrite(client, table) && !slices.ContainsFunc(columns, func(name string) bool { return !c.MayColumn(client, table, name) })
}
