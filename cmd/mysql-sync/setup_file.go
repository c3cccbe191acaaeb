package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// literal escapes a text that would otherwise be read as a reference to the environment.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// file is the configuration that is written.
type file struct {
	Schema  string         `json:"$schema"`
	Client  string         `json:"clientName"`
	Remotes []string       `json:"remoteClients"`
	Send    []string       `json:"syncTables"`
	Receive []string       `json:"receiveTables"`
	Queue   string         `json:"queueDirectory,omitempty"`
	Broker  map[string]any `json:"broker,omitempty"`
	MQTT    map[string]any `json:"mqttConfig,omitempty"`
	MySQL   map[string]any `json:"mysqlConfig"`
}

const schemaURL = "https://raw.githubusercontent.com/mysql-sync/mysql-sync/main/docs/configuration.schema.json"

// text returns the configuration as JSON.
func (s *setup) text() ([]byte, error) {
	f := file{Schema: schemaURL, Client: s.client, Remotes: s.remotes, Queue: literal(s.queue), MySQL: map[string]any{}}
	f.Send = literals(slices.Concat(s.both, s.send))
	f.Receive = literals(slices.Concat(s.both, s.receive))
	put := func(block map[string]any, key string, value any) {
		if value != nil && value != "" {
			block[key] = value
		}
	}
	if s.mysql.socket != "" {
		put(f.MySQL, "socketPath", literal(s.mysql.socket))
	} else {
		put(f.MySQL, "host", literal(s.mysql.host))
		put(f.MySQL, "port", s.mysql.port)
	}
	put(f.MySQL, "user", literal(s.mysql.user))
	put(f.MySQL, "password", s.mysql.password.key())
	put(f.MySQL, "database", literal(s.mysql.database))
	if s.mqtt.listen != "" {
		f.Broker = map[string]any{"listen": literal(s.mqtt.listen)}
		if s.mqtt.user != "" {
			f.Broker["users"] = []map[string]any{{"username": literal(s.mqtt.user), "password": s.mqtt.password.key()}}
		}
	} else {
		f.MQTT = map[string]any{"host": literal(orElse(s.mqtt.url, defaultBroker))}
		put(f.MQTT, "ca", literal(s.mqtt.ca))
		put(f.MQTT, "username", literal(s.mqtt.user))
		if s.mqtt.user != "" {
			put(f.MQTT, "password", s.mqtt.password.key())
		}
	}
	return encode(f)
}

// encode returns a configuration as JSON.
func encode(f any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(f)
	return b.Bytes(), err
}

// hand gives a new file the owner, group and permissions, except those for others, of the file that it replaces, if any.
func hand(to, from string) error {
	info, err := os.Stat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(to, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(to, info.Mode().Perm()&0o660|0o600)
}

func literals(list []string) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = literal(t)
	}
	return out
}

// write writes the configuration, readable only by its owner, after checking that a node could load it. An existing file is
// replaced as a whole or not at all, and its owner and group can still read it.
func (s *setup) write(path string, force bool) error {
	text, err := s.text()
	if err == nil {
		text, err = keys.Format(path, text)
	}
	if err != nil {
		return err
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".mysql-sync-*"+filepath.Ext(path)) // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(probe.Name()) // gone if it was renamed
	if _, err = probe.Write(text); err == nil {
		err = probe.Sync()
	}
	if err := errors.Join(err, probe.Close()); err != nil {
		return err
	}
	if _, _, err := config.Load(probe.Name(), os.Environ()); err != nil {
		return err
	}
	if force {
		if err := hand(probe.Name(), path); err != nil {
			return err
		}
		return os.Rename(probe.Name(), path)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
