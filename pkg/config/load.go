package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Load reads the configuration file at path: JSON, or YAML or TOML where the
// extension says so. Variables of environ (NAME=value) that begin with
// MYSQL_SYNC_ override its keys, and ${NAME} in its strings is replaced.
//
// The strings are warnings, each with its key: what is accepted but has no
// meaning here. The error is of type Mistakes and holds all of them, unless the
// file cannot be read at all. Promise 9.
func Load(path string, environ []string) (*Config, []string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("find configuration: %w", err)
	}
	c := &checker{
		dir:       filepath.Dir(path),
		environ:   environ,
		overrides: map[string]string{},
		ignored:   map[string][]string{},
	}
	keys, err := c.read(path)
	if err != nil {
		return nil, nil, err
	}
	if len(c.mistakes) > 0 && keys == nil {
		return nil, nil, c.mistakes
	}

	var f file
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(c.value("", root(), keys).(map[string]any), ""), nil); err != nil {
		return nil, nil, fmt.Errorf("load configuration: %w", err)
	}
	if err := k.Unmarshal("", &f); err != nil {
		return nil, nil, fmt.Errorf("load configuration: %w", err)
	}
	cfg := c.build(&f, keys["mqttConfig"] != nil)

	for _, block := range []string{"mqttConfig", "mysqlConfig", "mysqlConfig.ssl"} {
		if names := c.ignored[block]; len(names) > 0 {
			c.warn(block, "ignored keys: %s", strings.Join(names, ", "))
		}
	}
	if len(c.mistakes) > 0 {
		slices.SortStableFunc(c.mistakes, func(a, b Mistake) int { return cmp.Compare(a.Key, b.Key) })
		return nil, c.warnings, c.mistakes
	}
	return cfg, c.warnings, nil
}

// build turns the checked keys into a Config and checks what the keys mean
// together. keys that had a mistake are empty in f.
func (c *checker) build(f *file, hasMQTT bool) *Config {
	cfg := &Config{
		ClientName:           f.ClientName,
		TopicPrefix:          c.topicPrefix(f.TopicPrefix),
		RemoteClients:        f.RemoteClients,
		Version1Clients:      f.Version1Clients,
		SyncTables:           f.SyncTables,
		ReceiveTables:        f.ReceiveTables,
		QueueDirectory:       c.path(f.QueueDirectory),
		TransformerDirectory: c.path(f.TransformerDirectory),
		CheckInterval:        milliseconds(f.CheckInterval),
		ForeignKeyConflict:   f.ForeignKeyConflict,
		CascadeTables:        append([]string(nil), f.CascadeTables...),
		InitialSync:          f.InitialSync,
		TombstoneRetention:   time.Duration(f.TombstoneRetention) * 24 * time.Hour,
		MaxRowBytes:          f.MaxRowBytes,
		VerifyInterval:       milliseconds(f.VerifyInterval),
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
	c.accept(cfg, f.AcceptFrom)
	cfg.MQTT = c.mqtt(&f.MQTT, cfg, hasMQTT)
	cfg.ConflictPolicy = c.policies(cfg, f.ConflictPolicy)
	cfg.AllowLossy = c.lossy(cfg, f.AllowLossy)
	cfg.ApplySession = c.session(f.ApplySession)
	cfg.Encryption = c.encryption(cfg, f.Encryption)
	c.clients(cfg, f.AcceptFrom != nil)
	c.tables(cfg)
	if dir := cfg.TransformerDirectory; dir != "" {
		if info, err := os.Stat(dir); err != nil {
			c.mistake("transformerDirectory", "%v", err)
		} else if !info.IsDir() {
			c.mistake("transformerDirectory", "%s is not a directory", dir)
		}
	}
	return cfg
}

// topicLevels are the words that the protocol's own topics begin with.
var topicLevels = []string{"info", "change", "node", "batch", "ack", "verify"}

// topicPrefix refuses a prefix that would make a topic of this mesh one of
// another: /node/info is the presence of the mesh /node, and what the mesh without
// a prefix reads as the announcement of a client named info.
func (c *checker) topicPrefix(prefix string) string {
	for level := range strings.SplitSeq(prefix, "/") {
		if slices.Contains(topicLevels, level) {
			c.mistake("topicPrefix", "%q contains %q, which the protocol's own topics start with; use another", prefix, level)
		}
	}
	return prefix
}

// clients checks the lists of other nodes.
func (c *checker) clients(cfg *Config, acceptGiven bool) {
	for key, names := range map[string][]string{"remoteClients": cfg.RemoteClients, "acceptFrom": cfg.AcceptFrom, "version1Clients": cfg.Version1Clients} {
		if slices.Contains(names, cfg.ClientName) {
			c.mistake(key, "%q is this node's own name (clientName); remove it", cfg.ClientName)
		}
	}
	if len(cfg.ReceiveTables) == 0 || len(cfg.AcceptFrom) > 0 || c.wrong("acceptFrom") || c.wrong("remoteClients") {
		return
	}
	switch {
	case acceptGiven:
		c.mistake("acceptFrom", `is empty, so no changes for receiveTables would be accepted; name the clients, or omit it to accept those of remoteClients`)
	case len(cfg.RemoteClients) == 0:
		c.mistake("acceptFrom", `is missing, and so is remoteClients: no changes for receiveTables would be accepted; name the clients, or write ["*"] for anyone`)
	}
}

// tables checks that the node has something to do.
func (c *checker) tables(cfg *Config) {
	switch {
	case c.wrong("syncTables") || c.wrong("receiveTables"):
	case len(cfg.SyncTables) == 0 && len(cfg.ReceiveTables) == 0:
		c.mistake("syncTables", "is empty, and so is receiveTables; name a table in at least one of them")
	case len(cfg.SyncTables) > 0 && len(cfg.RemoteClients) == 0 && !c.wrong("remoteClients"):
		c.warn("remoteClients", "is empty: changes to syncTables are not sent anywhere")
	}
}

// milliseconds is n ms.
func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
