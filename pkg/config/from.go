package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// Leadable lists the keys that a hub may lead, and no others: nothing that says who a node is, how it reaches its
// servers, which files it uses, who may reach it, or what may come from afar.
var Leadable = []string{
	"syncTables", "receiveTables", "checkInterval", "conflictPolicy", "counters", "routes", "routeOptions", "allowLossy", "foreignKeyConflict", "initialSync",
	"tombstoneRetention", "maxRowBytes", "verifyInterval", "statusRows",
}

// From says which node leads a part of the configuration (key configurationFrom).
type From struct {
	Client  string // the hub; "": none
	Profile string
	Key     profile.PublicKey
	Local   []string // keys that the hub does not determine
	Scripts bool     // it may have scripts of this node decide conflicts

	Transformers bool // it may give this node scripts, and all that Scripts says

	File profile.File // what is remembered of it
	Led
}

// Led is what comes from the hub in this configuration.
type Led struct {
	Version profile.Version // 0: nothing yet
	Digest  []byte          // of the document
	Before  string          // the origin of what counts until then, if that came from another hub, profile or key; "": none
	Keys    []string        // that it determines
	Ours    []string        // that it would determine, if this node's file or environment did not

	Files map[string][]byte // scripts, by slash-separated path; nil: none
}

// LedFile returns the path of the file in which a client remembers what came from its hub.
func LedFile(queueDirectory, client string) string {
	return filepath.Join(queueDirectory, client+".led")
}

// Open opens a document that claims to be from the hub.
func (f *From) Open(signed []byte) (profile.Profile, error) {
	return profile.Open(signed, f.Key, f.Client, f.Profile)
}

// Origin names the document in messages.
func (f *From) Origin(v profile.Version) string {
	return fmt.Sprintf("profile %s of %s, version %s", f.Profile, f.Client, v)
}

// Source names what the keys from the hub come from.
func (f *From) Source() string {
	if f.Before != "" {
		return f.Before
	}
	return f.Origin(f.Version)
}

// named is the inverse of the text by which a File knows a hub, a profile and its key.
func named(text string) (f From, err error) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 {
		return f, profile.ErrOther
	}
	f.Client, f.Profile = parts[0], parts[1]
	f.Key, err = profile.ParsePublicKey(parts[2])
	return f, err
}

// Lead is a profile that this node gives to others (key lead).
type Lead struct {
	Name  string
	Sites []string // names and patterns
	First []string // likewise: those of them that get a new version before it is released; none: all do
	profile.Content
}

// Covers reports whether a profile is for a client.
func (l *Lead) Covers(client string) bool { return covers(l.Sites, client) }

// Tries reports whether a client that a profile is for gets a new version before it is released.
func (l *Lead) Tries(client string) bool { return len(l.First) == 0 || covers(l.First, client) }

func covers(list []string, client string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return s == client || strings.Contains(s, "*") && Matches(s, client) })
}

// LeadOf returns the profile for a client, the first by name; nil if there is none.
func (c *Config) LeadOf(client string) *Lead {
	for i := range c.Leads {
		if c.Leads[i].Covers(client) {
			return &c.Leads[i]
		}
	}
	return nil
}

// follow lays what comes from the hub over what the file says: the signed document or, without one, that which was
// accepted. What was accepted of another hub, profile or key counts until this one gives something: without its tables
// meanwhile, writes would go unseen. Promise 8: nothing in it is expanded or read as a file, and only keys that may be led count.
func (c *checker) follow(given map[string]any, signed []byte) (f From, err error) {
	if given["configurationFrom"] == nil {
		return f, nil
	}
	probe := c.Probe() // mistakes in the file are noted later, once
	var is file
	checked, _ := probe.Check("", root(), given).(map[string]any)
	if err := keys.Decode(checked, &is); err != nil {
		return f, err
	}
	b := is.ConfigurationFrom
	if b == nil || b.Client == "" || b.Profile == "" || is.ClientName == "" {
		return f, nil
	}
	f = From{Client: b.Client, Profile: b.Profile, Local: b.Local, Scripts: b.Scripts, Transformers: b.Transformers}
	if f.Key, err = profile.ParsePublicKey(b.Key); err != nil {
		if b.Key != "" {
			c.Mistakef("configurationFrom.key", "%v", err)
		}
		return f, nil
	}
	f.File = profile.File{Path: LedFile(c.Path(is.QueueDirectory), is.ClientName), From: strings.Join([]string{f.Client, f.Profile, f.Key.String()}, " ")}
	by := &f
	if signed == nil {
		m, err := f.File.Read()
		if err != nil {
			hint := "without the file, the node asks " + f.Client + " again"
			if errors.Is(err, fs.ErrPermission) {
				hint = "run this as the user that the node runs as"
			}
			c.Mistakef("configurationFrom", "%v; %s", err, hint)
			return f, nil
		}
		if signed = m.Accepted; signed == nil {
			if m.Before == nil || !c.before {
				return f, nil
			}
			former, err := named(m.Before.From)
			if err != nil {
				return f, nil
			}
			by, signed = &former, m.Before.Accepted
		}
	}
	p, err := by.Open(signed)
	if by != &f {
		f.Before = by.Origin(p.Version)
	}
	if err != nil {
		c.Mistakef("configurationFrom", "%v", err)
		return f, nil
	}
	if digest := profile.DigestOf(signed); by == &f {
		f.Version, f.Digest = p.Version, digest[:]
	}
	for _, name := range slices.Sorted(maps.Keys(p.Keys)) {
		if slices.Contains(f.Local, name) || c.Overridden(name) {
			f.Ours = append(f.Ours, name)
			continue
		}
		c.Elsewhere(name, f.Source())
		if v := c.leadable(name, name, p.Keys[name]); v != nil {
			given[name] = withOwn(name, v, given[name])
			f.Led.Keys = append(f.Led.Keys, name)
		}
	}
	f.Files = c.carried(&f, p.Scripts)
	if policies, ok := given["conflictPolicy"].(map[string]any); ok && !f.Scripts && !f.Transformers && slices.Contains(f.Led.Keys, "conflictPolicy") {
		for _, table := range slices.Sorted(maps.Keys(policies)) {
			if policies[table] == "script" {
				c.Mistakef(keys.Join("conflictPolicy", table), `is "script", which this node does not take from %s: set configurationFrom.scripts to allow it`, f.Client)
			}
		}
	}
	return f, nil
}

// leadable returns a value that one node determines for another, or nil after noting why it may not.
func (c *checker) leadable(at, name string, text json.RawMessage) any {
	if !slices.Contains(Leadable, name) {
		hint := "only these may be: " + strings.Join(Leadable, ", ")
		if root().Property(name) == nil {
			hint = "it is not a key of the configuration" + keys.Suggest(name, Leadable)
		}
		c.Mistakef(at, "may not be led: %s", hint)
		return nil
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil || v == nil {
		c.Mistakef(at, "is empty; remove it")
		return nil
	}
	if refers(v) {
		c.Mistakef(at, "has a reference (${…}), which would be replaced by what is in another node's environment: write the value itself")
		return nil
	}
	if block, ok := v.(map[string]any); ok {
		for _, inner := range own[name] {
			if _, ok := block[inner]; ok {
				c.Mistakef(keys.Join(at, inner), "may not be led: who may write what is for each site's own file to say")
				return nil
			}
		}
	}
	return v
}

// own lists what each node says itself of a block that may be led: who may write there.
var own = map[string][]string{"routeOptions": {"write"}}

// withOwn returns the value that a hub has for a key, with what this node's file says itself there.
func withOwn(name string, led, file any) any {
	block, ok := led.(map[string]any)
	is, here := file.(map[string]any)
	if !ok || !here {
		return led
	}
	block = maps.Clone(block)
	for _, inner := range own[name] {
		if v, ok := is[inner]; ok {
			block[inner] = v
		}
	}
	return block
}

// refers reports whether a string in a value, or a name, would be expanded.
func refers(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "${")
	case []any:
		return slices.ContainsFunc(v, refers)
	case map[string]any:
		for name, inner := range v {
			if refers(name) || refers(inner) {
				return true
			}
		}
	}
	return false
}

// from checks what configurationFrom means.
func (c *checker) from(cfg *Config) {
	switch hub := cfg.From.Client; {
	case hub == "" || c.Wrong("configurationFrom"):
	case hub == cfg.ClientName:
		c.Mistakef("configurationFrom.client", "%q is this node's own name (clientName)", hub)
	case !slices.Contains(cfg.Clients(), hub) && !slices.Contains(cfg.AcceptFrom, Anyone) && !c.Wrong("remoteClients") && !c.Wrong("acceptFrom"):
		c.Mistakef("configurationFrom.client", "%q is in neither remoteClients nor acceptFrom%s", hub, keys.Suggest(hub, cfg.Clients()))
	}
}

// leads reads the profiles for others.
func (c *checker) leads(cfg *Config, given map[string]any) (list []Lead) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		key := keys.Join("lead", name)
		block, _ := given[name].(map[string]any)
		if !clientName.MatchString(name) {
			c.Mistakef(key, "is not a name of 2 to 32 letters, digits, - or _")
			continue
		}
		l := Lead{Name: name, Content: profile.Content{Keys: map[string]json.RawMessage{}}}
		sites, _ := block["sites"].([]any)
		for _, s := range sites {
			l.Sites = append(l.Sites, s.(string)) // as the schema has it
		}
		first, _ := block["first"].([]any)
		for _, s := range first {
			l.First = append(l.First, s.(string))
		}
		_, patterns := c.patterns(keys.Join(key, "sites"), l.Sites)
		if slices.Contains(patterns, cfg.ClientName) || slices.Contains(l.Sites, cfg.ClientName) {
			c.Mistakef(keys.Join(key, "sites"), "%q is this node's own name (clientName); remove it", cfg.ClientName)
		}
		for _, s := range l.Sites {
			if !slices.Contains(patterns, s) && !slices.Contains(cfg.Clients(), s) && !cfg.MayJoin(s) && !c.Wrong("remoteClients") && !c.Wrong("acceptFrom") {
				c.Mistakef(keys.Join(key, "sites"), "%q is in neither remoteClients nor acceptFrom%s", s, keys.Suggest(s, cfg.Clients()))
			}
		}
		names, _ := c.patterns(keys.Join(key, "first"), l.First)
		for _, s := range names {
			if !l.Covers(s) {
				c.Mistakef(keys.Join(key, "first"), "%q is not one of sites%s", s, keys.Suggest(s, l.Sites))
			}
		}
		values, _ := block["keys"].(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(values)) {
			at := keys.Join(keys.Join(key, "keys"), k)
			text, err := json.Marshal(values[k])
			if err != nil {
				c.Mistakef(at, "%v", err)
				continue
			}
			if v := c.leadable(at, k, text); v != nil {
				c.Check(at, root().Property(k), v)
				l.Keys[k] = text
			}
		}
		if dir, ok := block["scripts"].(string); ok {
			l.Scripts = c.scripts(keys.Join(key, "scripts"), c.Path(dir))
		}
		if n := profile.Size(profile.Profile{Hub: cfg.ClientName, Name: name, Content: l.Content}); n > profile.MostBytes {
			c.Mistakef(key, "has %d bytes as its sites get it, more than %d", n, profile.MostBytes)
		}
		list = append(list, l)
	}
	return list
}
