package config

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// Joined is what the node's database adds to its configuration: the sites that were let in, those that were dismissed, and the
// invitations that are open.
type Joined struct {
	Sites       []Site
	Dismissed   []string // clients that have no rights, even if anyone has
	Invitations []Invitation

	given *Config // without them
}

// Site is a client that was let in by an invitation.
type Site struct {
	Client string
	Key    seal.Secret // that it shares with this node
	Login  Hash        // of its password at the embedded broker, where its name is its login; zero: it has none there
}

// Invitation is one that is open. At the embedded broker it has a login, by which a site can join.
type Invitation struct {
	ID    string // see GuestName
	Login Hash   // of the password; zero: it has none there
}

// GuestName is the user name of an invitation at the embedded broker.
func GuestName(invitation string) string { return "join-" + invitation }

// Hash is the SHA-256 of a random password.
type Hash [sha256.Size]byte

// IsPattern reports whether text is a pattern of client names: their characters, and one or more *, but not * alone.
func IsPattern(text string) bool {
	rest := strings.ReplaceAll(text, "*", "")
	return rest != "" && rest != text && len(text) <= 32 && clientName.MatchString(rest+"xx"[:max(0, 2-len(rest))])
}

// Matches reports whether a pattern, or a name, covers the name of a client.
func Matches(pattern, client string) bool {
	ok, err := path.Match(pattern, client)
	return err == nil && ok && clientName.MatchString(client)
}

// MayJoin reports whether a site of this name is one of this node's as soon as it is let in: a pattern in remoteClients or
// acceptFrom covers it, and neither names it.
func (c *Config) MayJoin(client string) bool {
	covers := func(pattern string) bool { return Matches(pattern, client) }
	return clientName.MatchString(client) && client != c.ClientName && !slices.Contains(c.Given().Clients(), client) &&
		(slices.ContainsFunc(c.RemotePatterns, covers) || slices.ContainsFunc(c.AcceptPatterns, covers))
}

// Names reports whether the file gives a name to a client, so that no site can join under it: to this node, to one in
// remoteClients or acceptFrom, or to a user of the embedded broker, with whose login a site's would collide.
func (c *Config) Names(client string) bool {
	c = c.Given()
	return client == c.ClientName || slices.Contains(c.Clients(), client) ||
		slices.ContainsFunc(c.Broker.Users, func(u BrokerUser) bool { return u.Username == client || u.Client == client })
}

// Invites reports whether sites can join this node.
func (c *Config) Invites() bool { return len(c.RemotePatterns)+len(c.AcceptPatterns) > 0 }

// With returns the configuration with those sites that its patterns cover, as if the file named them. What an earlier call
// added is no longer there.
func (c *Config) With(j Joined) *Config {
	c = c.Given()
	all := *c
	all.Joined = Joined{given: c}
	all.RemoteClients, all.AcceptFrom = slices.Clone(c.RemoteClients), slices.Clone(c.AcceptFrom)
	all.Encryption.Keys, all.Encryption.Required = slices.Clone(c.Encryption.Keys), slices.Clone(c.Encryption.Required)
	all.Broker.Users = slices.Clone(c.Broker.Users)
	all.Rights = map[string]Rights{}
	maps.Copy(all.Rights, c.Rights)
	for _, s := range j.Sites {
		if !c.MayJoin(s.Client) {
			continue
		}
		all.Joined.Sites = append(all.Joined.Sites, s)
		if longest(c.RemotePatterns, s.Client) != "" {
			all.RemoteClients = append(all.RemoteClients, s.Client)
		}
		if pattern := longest(c.AcceptPatterns, s.Client); pattern != "" {
			all.AcceptFrom = append(all.AcceptFrom, s.Client)
			if r, ok := c.Rights[pattern]; ok {
				all.Rights[s.Client] = r
			}
		}
		all.Encryption.Keys = append(all.Encryption.Keys, PairKey(s.Client, s.Key))
		if !slices.Contains(all.Encryption.Required, Anyone) {
			all.Encryption.Required = append(all.Encryption.Required, s.Client)
		}
		if s.Login != (Hash{}) {
			all.Broker.guest(BrokerUser{Username: s.Client, Hash: s.Login, Client: s.Client})
		}
	}
	for _, client := range j.Dismissed {
		if !slices.Contains(c.Clients(), client) { // the file has the last word
			all.Joined.Dismissed = append(all.Joined.Dismissed, client)
		}
	}
	for _, i := range j.Invitations {
		all.Joined.Invitations = append(all.Joined.Invitations, i)
		if i.Login != (Hash{}) {
			all.Broker.guest(BrokerUser{Username: GuestName(i.ID), Hash: i.Login, Invitation: i.ID})
		}
	}
	return &all
}

// Given returns the configuration without what With added.
func (c *Config) Given() *Config {
	if c.Joined.given != nil {
		return c.Joined.given
	}
	return c
}

// guest adds a user, unless the broker has no users, which lets everyone in, or one of this name.
func (b *Broker) guest(u BrokerUser) {
	if len(b.Users) > 0 && !slices.ContainsFunc(b.Users, func(o BrokerUser) bool { return o.Username == u.Username }) {
		b.Users = append(b.Users, u)
	}
}

// PairKey is the key that a site and its hub share, as each has it in its configuration for the other. Its name says
// nothing about it, and differs from that of another key.
func PairKey(other string, secret seal.Secret) seal.Key {
	sum := sha256.Sum256(append([]byte("mysql-sync pair "), secret[:]...))
	return seal.Key{ID: "join-" + hex.EncodeToString(sum[:8]), Secret: secret, Clients: []string{other}}
}

// longest returns the longest pattern that covers a client, of equally long ones the first in alphabetical order; "": none does.
func longest(patterns []string, client string) (found string) {
	for _, p := range patterns {
		if Matches(p, client) && (len(p) > len(found) || len(p) == len(found) && p < found) {
			found = p
		}
	}
	return found
}

// patterns takes the patterns out of a list of names.
func (c *checker) patterns(key string, names []string) (clients, patterns []string) {
	for _, name := range names {
		switch {
		case name == Anyone || !strings.Contains(name, "*"):
			clients = append(clients, name)
		case !IsPattern(name):
			c.Mistakef(key, "%s is not a pattern of client names, such as store-*", keys.Show(name))
		default:
			patterns = append(patterns, name)
		}
	}
	return clients, patterns
}
