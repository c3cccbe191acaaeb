package config

import (
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// What another node may do here from afar (key actionsFrom).
const (
	Look   = "look" // at refused rows, remotes and pauses
	Retry  = "retry"
	Pause  = "pause" // and resume
	Verify = "verify"
	Resync = "resync" // and repair
)

// ActionsOf returns what a client may do here from afar. A pattern covers only sites that were let in. Promise 8.
func (c *Config) ActionsOf(client string) []string {
	if client == c.ClientName || slices.Contains(c.Joined.Dismissed, client) {
		return nil
	}
	if list, ok := c.Actions[client]; ok {
		return list
	}
	if !slices.ContainsFunc(c.Joined.Sites, func(s Site) bool { return s.Client == client }) {
		return nil
	}
	return c.Actions[longest(slices.Collect(maps.Keys(c.Actions)), client)]
}

// MayAct reports whether a client may do something here from afar.
func (c *Config) MayAct(client, action string) bool {
	return slices.Contains(c.ActionsOf(client), action)
}

// Paired reports whether a key, by its ID, is one that this node shares with a client and, by its own configuration, with
// nobody else. Whatever such a key sealed was written by that client.
func (c *Config) Paired(client, id string) bool {
	for i := range c.Encryption.Keys {
		if k := &c.Encryption.Keys[i]; k.ID == id {
			others := slices.DeleteFunc(slices.Clone(k.Clients), func(name string) bool { return name == c.ClientName })
			return len(others) == 1 && others[0] == client
		}
	}
	return false
}

// actions reads the key actionsFrom.
func (c *checker) actions(cfg *Config, given map[string][]string) {
	if len(given) == 0 || c.Wrong("actionsFrom") {
		return
	}
	cfg.Actions = given
	for _, client := range slices.Sorted(maps.Keys(given)) {
		key := keys.Join("actionsFrom", client)
		switch {
		case c.Wrong("remoteClients") || c.Wrong("acceptFrom") || c.Wrong("encryption"):
		case client == Anyone:
			c.Mistakef(key, "lets anyone act here: name the clients, or use a pattern such as store-*")
		case IsPattern(client):
			if !slices.Contains(cfg.RemotePatterns, client) && !slices.Contains(cfg.AcceptPatterns, client) {
				c.Mistakef(key, "is a pattern in neither remoteClients nor acceptFrom%s", keys.Suggest(client, slices.Concat(cfg.RemotePatterns, cfg.AcceptPatterns)))
			}
		case client == cfg.ClientName:
			c.Mistakef(key, "is this node's own name (clientName); remove it")
		case !slices.Contains(cfg.Clients(), client):
			c.Mistakef(key, "is in neither remoteClients nor acceptFrom%s", keys.Suggest(client, cfg.Clients()))
		case !cfg.MayAsk(client):
			c.Mistakef(key, `may not ask anything: remove "read": false from acceptFrom.%s`, client)
		case slices.ContainsFunc(given[client], func(a string) bool { return a != Look }) && !cfg.hasPair(client):
			c.Mistakef(key, `needs a key that only the two nodes have: add one to encryption.keys with "clients": [%q], here and there (mysql-sync key makes one), or allow only look`, client)
		}
	}
}

// hasPair reports whether there is a key that only this node and a client have.
func (c *Config) hasPair(client string) bool {
	return slices.ContainsFunc(c.Encryption.Keys, func(k seal.Key) bool { return c.Paired(client, k.ID) })
}
