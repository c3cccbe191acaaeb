package config

import "slices"

// Anyone, in AcceptFrom, stands for every client.
const Anyone = "*"

// AcceptsFrom reports whether changes of client are taken. The node's own name
// is never accepted: a change that claims to come from this node is an echo or
// a forgery. (Promise 8)
func (c *Config) AcceptsFrom(client string) bool {
	if client == c.ClientName {
		return false
	}
	if len(c.AcceptFrom) == 0 {
		return slices.Contains(c.RemoteClients, client)
	}
	return slices.Contains(c.AcceptFrom, Anyone) || slices.Contains(c.AcceptFrom, client)
}

// Syncs reports whether changes of table are captured and sent.
func (c *Config) Syncs(table string) bool {
	return slices.Contains(c.SyncTables, table)
}

// Receives reports whether changes of table are taken from other clients.
func (c *Config) Receives(table string) bool {
	return slices.Contains(c.ReceiveTables, table)
}

// Bidirectional reports whether table is both sent and received.
func (c *Config) Bidirectional(table string) bool {
	return c.Syncs(table) && c.Receives(table)
}
