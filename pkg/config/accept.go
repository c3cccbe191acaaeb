package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Anyone, in AcceptFrom, stands for every client.
const Anyone = "*"

// Rights are what one client may do (key acceptFrom).
type Rights struct {
	Write, Delete, Read Tables
	Columns             map[string][]string // by table: the columns it may write and read; all, if a table has no entry
}

// Tables are those that a right is given for.
type Tables struct {
	All   bool     // of those that the right is about
	Named []string // these alone
}

// None reports whether the right is not given.
func (t Tables) None() bool { return !t.All && len(t.Named) == 0 }

// Has reports whether the right is given for a table.
func (t Tables) Has(table string) bool { return t.All || slices.Contains(t.Named, table) }

// full is what a client in a list may do.
var full = Rights{Write: Tables{All: true}, Delete: Tables{All: true}, Read: Tables{All: true}}

// rights returns what a client may do. The node's own name has no rights: a
// message that claims to come from this node is an echo or a forgery. Promise
// 8.
func (c *Config) rights(client string) Rights {
	switch r, ok := c.Rights[client]; {
	case client == c.ClientName, slices.Contains(c.Joined.Dismissed, client):
	case ok:
		return r
	case len(c.AcceptFrom)+len(c.AcceptPatterns) == 0 && slices.Contains(c.RemoteClients, client), slices.Contains(c.AcceptFrom, client):
		return full
	case slices.Contains(c.AcceptFrom, Anyone):
		if r, ok := c.Rights[Anyone]; ok {
			return r
		}
		return full
	case slices.Contains(c.RemoteClients, client):
		return Rights{Read: Tables{All: true}} // of what it is sent
	}
	return Rights{}
}

// AcceptsFrom reports whether changes from client are accepted, for any table. Promise 8.
func (c *Config) AcceptsFrom(client string) bool {
	r := c.rights(client)
	return !r.Write.None() || !r.Delete.None()
}

// Clients returns the clients that the configuration names, sorted, whoever else is on the broker.
func (c *Config) Clients() []string {
	all := slices.Concat(c.RemoteClients, c.AcceptFrom)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(client string) bool { return client == Anyone })
}

// MayWrite reports whether a client's rows of a table are accepted.
func (c *Config) MayWrite(client, table string) bool {
	return c.Receives(table) && c.rights(client).Write.Has(table)
}

// MayDelete reports whether a client's deletes in a table are accepted.
func (c *Config) MayDelete(client, table string) bool {
	return c.Receives(table) && c.rights(client).Delete.Has(table)
}

// MayAsk reports whether any question of a client is answered.
func (c *Config) MayAsk(client string) bool { return !c.rights(client).Read.None() }

// MayLook reports whether a client is told how the node is, and whether in full: one that may read only some tables or columns
// hears numbers, but no sentences, since these name tables and quote errors. Only clients that the configuration names are
// told anything.
func (c *Config) MayLook(client string) (ok, full bool) {
	r := c.rights(client)
	ok = slices.Contains(c.Clients(), client) && !r.Read.None()
	return ok, ok && r.Read.All && len(r.Columns) == 0
}

// MayRead reports whether a client's questions about a table are answered, and whether it may read the whole table; else
// it may read only what it is sent, or has sent.
func (c *Config) MayRead(client, table string) (ok, whole bool) {
	if !c.Syncs(table) && !c.Receives(table) {
		return false, false
	}
	r := c.rights(client).Read
	return r.Has(table), slices.Contains(r.Named, table)
}

// MayColumn reports whether a client may write and read a column of a table.
func (c *Config) MayColumn(client, table, column string) bool {
	columns, ok := c.rights(client).Columns[table]
	return !ok || slices.ContainsFunc(columns, func(c string) bool { return strings.EqualFold(c, column) })
}

// Limited reports whether a client may write and read only some columns of a table.
func (c *Config) Limited(client, table string) bool {
	_, ok := c.rights(client).Columns[table]
	return ok
}

// Syncs reports whether changes of table are captured and sent.
func (c *Config) Syncs(table string) bool {
	return slices.Contains(c.SyncTables, table)
}

// Receives reports whether changes of table are accepted from other clients.
func (c *Config) Receives(table string) bool {
	return slices.Contains(c.ReceiveTables, table)
}

// Bidirectional reports whether table is both sent and received.
func (c *Config) Bidirectional(table string) bool {
	return c.Syncs(table) && c.Receives(table)
}

var clientName = regexp.MustCompile(`^[a-zA-Z0-9_-]{2,32}$`)

// accept reads the key acceptFrom: a list of clients, or a block with the rights of each.
func (c *checker) accept(cfg *Config, given any) {
	switch given := given.(type) {
	case []any:
		var names []string
		for _, client := range given {
			names = append(names, client.(string)) // as the schema has it
		}
		cfg.AcceptFrom, cfg.AcceptPatterns = c.patterns("acceptFrom", names)
	case map[string]any:
		cfg.Rights = map[string]Rights{}
		for _, client := range slices.Sorted(maps.Keys(given)) {
			key := keys.Join("acceptFrom", client)
			if IsPattern(client) {
				cfg.AcceptPatterns = append(cfg.AcceptPatterns, client)
			} else {
				cfg.AcceptFrom = append(cfg.AcceptFrom, client)
			}
			if client != Anyone && !IsPattern(client) && !clientName.MatchString(client) {
				c.Mistakef(key, "is not a client name: use 2 to 32 characters of a-z A-Z 0-9 - _")
			}
			block, _ := given[client].(map[string]any)
			r := Rights{Columns: map[string][]string{}}
			r.Write = c.tablesOf(cfg.ReceiveTables, key, "write", block, Tables{All: true})
			r.Delete = c.tablesOf(cfg.ReceiveTables, key, "delete", block, r.Write)
			r.Read = c.tablesOf(slices.Concat(cfg.SyncTables, cfg.ReceiveTables), key, "read", block, Tables{All: true})
			columns, _ := block["columns"].(map[string]any)
			for _, table := range slices.Sorted(maps.Keys(columns)) {
				if !cfg.Syncs(table) && !cfg.Receives(table) && !c.Wrong("receiveTables") && !c.Wrong("syncTables") {
					c.Mistakef(keys.Join(keys.Join(key, "columns"), table), "is not in receiveTables or syncTables%s", keys.Suggest(table, slices.Concat(cfg.SyncTables, cfg.ReceiveTables)))
				}
				list, _ := columns[table].([]any)
				r.Columns[table] = []string{}
				for _, column := range list {
					r.Columns[table] = append(r.Columns[table], column.(string))
				}
			}
			cfg.Rights[client] = r
		}
	}
}

// tablesOf reads a right: true, false, or a list of some of the tables that it can be given for.
func (c *checker) tablesOf(tables []string, key, right string, block map[string]any, otherwise Tables) Tables {
	switch given := block[right].(type) {
	case bool:
		return Tables{All: given}
	case []any:
		t := Tables{}
		for _, name := range given {
			table := name.(string) // as the schema has it
			if !slices.Contains(tables, table) && !c.Wrong("receiveTables") && !c.Wrong("syncTables") {
				c.Mistakef(keys.Join(key, right), "%q is not one of the tables this applies to%s", table, keys.Suggest(table, tables))
			}
			t.Named = append(t.Named, table)
		}
		return t
	}
	return otherwise
}
