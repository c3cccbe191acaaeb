package config

import (
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// Encryption has the keys by which messages between nodes are sealed (key
// encryption). Without keys everything goes in the clear.
type Encryption struct {
	Keys     []seal.Key // in the order in which they are preferred
	Required []string   // clients that nothing is sent to, or accepted from, in the clear; "*" is everyone
}

// encryption checks the block encryption; nil is none. A client that must seal
// needs a key: without one, nothing could ever be exchanged with it.
func (c *checker) encryption(cfg *Config, f *fileSealing) Encryption {
	if f == nil {
		return Encryption{}
	}
	e := Encryption{Required: f.Required}
	known := slices.Concat(cfg.RemoteClients, cfg.AcceptFrom)
	anyone := slices.Contains(known, Anyone)
	ids := map[string]bool{}
	for i, k := range f.Keys {
		at := "encryption.keys[" + strconv.Itoa(i) + "]"
		if ids[k.ID] && k.ID != "" {
			c.Mistakef(at+".id", "%q is listed twice; give the new key its own name", k.ID)
		}
		ids[k.ID] = true
		secret, err := seal.ParseSecret(k.Key)
		if err != nil && !c.Wrong(at) {
			c.Mistakef(at+".key", "%v", err)
		}
		for _, client := range k.Clients {
			if client != cfg.ClientName && !anyone && !slices.Contains(known, client) && !c.Wrong("remoteClients") && !c.Wrong("acceptFrom") {
				c.Mistakef(at+".clients", "%q is in neither remoteClients nor acceptFrom%s", client, keys.Suggest(client, known))
			}
		}
		e.Keys = append(e.Keys, seal.Key{ID: k.ID, Secret: secret, Clients: k.Clients})
	}
	if len(e.Keys) == 0 && !c.Wrong("encryption.keys") {
		c.Mistakef("encryption.keys", "is empty; generate a key with: mysql-sync key")
	}
	if c.Wrong("encryption") || c.Wrong("remoteClients") || c.Wrong("acceptFrom") {
		return e
	}
	shared := slices.ContainsFunc(e.Keys, func(k seal.Key) bool { return len(k.Clients) == 0 })
	for _, client := range e.requiredOf(known) {
		own := slices.ContainsFunc(e.Keys, func(k seal.Key) bool { return slices.Contains(k.Clients, client) })
		switch {
		case client != Anyone && !anyone && !slices.Contains(known, client):
			c.Mistakef("encryption.required", "%q is in neither remoteClients nor acceptFrom%s", client, keys.Suggest(client, known))
		case !shared && !own:
			c.Mistakef("encryption.keys", "has no key for %s; add one that lists it in clients, or one without clients, which applies to all", quoteClient(client))
		}
	}
	return e
}

// requiredOf returns those of the known clients that must seal.
func (e *Encryption) requiredOf(known []string) []string {
	list := e.Required
	if slices.Contains(list, Anyone) {
		list = known
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func quoteClient(client string) string {
	if client == Anyone {
		return `the clients of acceptFrom ["*"]`
	}
	return strconv.Quote(client)
}
