package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Mistakes is the error of Load for a file that could be read.
type Mistakes = keys.Mistakes

// environPrefix is the prefix of variables that override keys of the file:
// MYSQL_SYNC_MQTTCONFIG__PASSWORD is mqttConfig.password.
const environPrefix = "MYSQL_SYNC_"

// serviceLink matches the variables that Kubernetes sets in each container for
// a service named mysql-sync; they are not meant for the node.
var serviceLink = regexp.MustCompile(`^MYSQL_SYNC_(SERVICE_|PORT(_|$))`)

// checker checks what the keys mean, beyond what their schema says.
type checker struct {
	*keys.Checker
	before bool // what came from the hub before counts while the one of now has given nothing
}

// InEnvironment reports whether a variable sets a key of the top level, or something in it.
func InEnvironment(environ []string, key string) bool {
	return slices.ContainsFunc(environ, func(v string) bool {
		rest, ok := strings.CutPrefix(v, environPrefix+strings.ToUpper(key))
		return ok && (rest[:min(1, len(rest))] == "=" || strings.HasPrefix(rest, "_"))
	})
}

// Load reads the configuration file at path: JSON, or YAML or TOML where the
// extension says so. Variables of environ (NAME=value) that begin with
// MYSQL_SYNC_ override its keys, and ${NAME} in its strings is replaced.
//
// The strings are warnings, each with its key: about what is accepted but has
// no effect. The error is of type Mistakes and holds all of them, unless the
// file cannot be read at all. Promise 9.
//
// With configurationFrom, the version that was last accepted from the hub is part of it.
func Load(path string, environ []string) (*Config, []string, error) { return read(path, environ, nil) }

// Try is Load with a signed document from the hub in place of the accepted one.
func Try(path string, environ []string, signed []byte) (*Config, []string, error) {
	return read(path, environ, signed)
}

func read(path string, environ []string, signed []byte) (*Config, []string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("find configuration: %w", err)
	}
	cfg, warnings, from, err := lay(path, environ, signed, true)
	if err != nil && from.Before != "" { // it does not fit what the file says now
		cfg, warnings, _, err = lay(path, environ, signed, false)
	}
	return cfg, warnings, err
}

// lay reads the file, and lays what comes from the hub over it.
func lay(path string, environ []string, signed []byte, before bool) (*Config, []string, From, error) {
	c := &checker{before: before, Checker: keys.New(keys.Source{
		Path: path, Environ: environ, Prefix: environPrefix, Except: serviceLink, Manual: "docs/configuration.md",
	})}
	given, err := c.Read(root())
	if err != nil {
		return nil, nil, From{}, err
	}
	if given == nil {
		return nil, nil, From{}, c.Mistakes()
	}
	from, err := c.follow(given, signed)
	if err != nil {
		return nil, nil, from, err
	}
	var f file
	if err := keys.Decode(c.Check("", root(), given).(map[string]any), &f); err != nil {
		return nil, nil, from, err
	}
	cfg := c.build(&f, given["mqttConfig"] != nil, from)
	cfg.Path = path
	cfg.Leads = c.leads(cfg, f.Lead)
	if mistakes := c.Mistakes(); len(mistakes) > 0 {
		return nil, c.Warnings(), from, mistakes
	}
	return cfg, c.Warnings(), from, nil
}

// build turns the checked keys into a Config and checks what they mean
// together. Keys with a mistake are empty in f.
func (c *checker) build(f *file, hasMQTT bool, from From) *Config {
	cfg := &Config{
		From:                 from,
		ClientName:           f.ClientName,
		TopicPrefix:          c.topicPrefix(f.TopicPrefix),
		Version1Clients:      f.Version1Clients,
		SyncTables:           f.SyncTables,
		ReceiveTables:        f.ReceiveTables,
		QueueDirectory:       c.Path(f.QueueDirectory),
		TransformerDirectory: c.Path(f.TransformerDirectory),
		CheckInterval:        milliseconds(f.CheckInterval),
		Capture:              f.Capture,
		ForeignKeyConflict:   f.ForeignKeyConflict,
		CascadeTables:        append([]string(nil), f.CascadeTables...),
		InitialSync:          f.InitialSync,
		TombstoneRetention:   time.Duration(f.TombstoneRetention) * 24 * time.Hour,
		MaxRowBytes:          f.MaxRowBytes,
		VerifyInterval:       milliseconds(f.VerifyInterval),
		StatusRows:           f.StatusRows,
		Fleet:                f.Fleet,
		LoggingLevel:         f.LoggingLevel,
		LoggingFormat:        f.LoggingFormat,
		MySQL:                c.mysql(&f.MySQL),
		HTTP:                 c.http(f.HTTP),
		Broker:               c.broker(f.Broker),
	}
	cfg.Broker.Page, cfg.Broker.TopicPrefix = cfg.HTTP.Listen, cfg.TopicPrefix
	if l := f.TransformerLogin; l != nil {
		cfg.TransformerLogin = &Login{l.User, l.Password}
	}
	cfg.RemoteClients, cfg.RemotePatterns = c.patterns("remoteClients", f.RemoteClients)
	c.accept(cfg, f.AcceptFrom)
	if cfg.Invites() {
		cfg.Broker.Hub = cfg.ClientName
	}
	cfg.MQTT = c.mqtt(&f.MQTT, cfg, hasMQTT)
	if cfg.Broker.Listen != "" {
		cfg.Broker.Node, cfg.Broker.ClientID = cfg.ClientName, cfg.MQTT.ClientID
	}
	c.routes(cfg, f)
	cfg.ConflictPolicy = c.policies(cfg, f.ConflictPolicy)
	c.counters(cfg, f.Counters)
	cfg.AllowLossy = c.lossy(cfg, f.AllowLossy)
	cfg.ApplySession = c.session(f.ApplySession)
	cfg.Encryption = c.encryption(cfg, f.Encryption)
	c.clients(cfg, f.AcceptFrom != nil)
	c.tables(cfg)
	c.from(cfg)
	c.actions(cfg, f.ActionsFrom)
	if cfg.Fleet && len(cfg.Clients()) == 0 && !cfg.Invites() && !c.Wrong("acceptFrom") && !c.Wrong("remoteClients") {
		c.Warnf("fleet", "has no effect: neither remoteClients nor acceptFrom names a client")
	}
	if dir := cfg.TransformerDirectory; dir != "" {
		if info, err := os.Stat(dir); err != nil {
			c.Mistakef("transformerDirectory", "%v", err)
		} else if !info.IsDir() {
			c.Mistakef("transformerDirectory", "%s is not a directory", dir)
		}
	}
	return cfg
}

// topicLevels are the words with which the protocol's own topics begin.
var topicLevels = []string{"info", "change", "node", "here", "batch", "ack", "verify"}

// topicPrefix refuses a prefix with which a topic of this mesh could be one of
// another: with the prefix /node, presence would be /node/info, which a mesh
// without a prefix reads as the announcement of a client named info.
func (c *checker) topicPrefix(prefix string) string {
	for level := range strings.SplitSeq(prefix, "/") {
		if slices.Contains(topicLevels, level) {
			c.Mistakef("topicPrefix", "%q contains %q, which the protocol's own topics start with; use another", prefix, level)
		}
	}
	return prefix
}

// clients checks the lists of other nodes.
func (c *checker) clients(cfg *Config, acceptGiven bool) {
	for key, names := range map[string][]string{"remoteClients": cfg.RemoteClients, "acceptFrom": cfg.AcceptFrom, "version1Clients": cfg.Version1Clients} {
		if slices.Contains(names, cfg.ClientName) {
			c.Mistakef(key, "%q is this node's own name (clientName); remove it", cfg.ClientName)
		}
	}
	if len(cfg.ReceiveTables) == 0 || len(cfg.AcceptFrom)+len(cfg.AcceptPatterns) > 0 || c.Wrong("acceptFrom") || c.Wrong("remoteClients") {
		return
	}
	switch {
	case acceptGiven:
		c.Mistakef("acceptFrom", `is empty, so no changes for receiveTables would be accepted; name the clients, or omit it to accept those of remoteClients`)
	case len(cfg.RemoteClients)+len(cfg.RemotePatterns) == 0:
		c.Mistakef("acceptFrom", `is missing, and so is remoteClients: no changes for receiveTables would be accepted; name the clients, or write ["*"] for anyone`)
	}
}

// tables checks that the node has something to do.
func (c *checker) tables(cfg *Config) {
	switch {
	case c.Wrong("syncTables") || c.Wrong("receiveTables"):
	case len(cfg.SyncTables) == 0 && len(cfg.ReceiveTables) == 0 && cfg.From.Client != "" && cfg.From.Version == 0: // the hub's first version will name some
	case len(cfg.SyncTables) == 0 && len(cfg.ReceiveTables) == 0:
		c.Mistakef("syncTables", "is empty, and so is receiveTables; name a table in at least one of them")
	case len(cfg.SyncTables) > 0 && len(cfg.RemoteClients)+len(cfg.RemotePatterns) == 0 && !c.Wrong("remoteClients"):
		c.Warnf("remoteClients", "is empty: changes to syncTables are not sent anywhere")
	}
}

// milliseconds is n ms.
func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
