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
	f := file{Schema: schemaURL, Client: s.client, Remotes: s.remotes, Queue: literal(s.queue), MySQL: s.mysql.block()}
	f.Send = literals(slices.Concat(s.both, s.send))
	f.Receive = literals(slices.Concat(s.both, s.receive))
	put := func(block map[string]any, key string, value any) {
		if value != nil && value != "" {
			block[key] = value
		}
	}
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

// block returns mysqlConfig.
func (m *mysqlSetup) block() map[string]any {
	b := map[string]any{"user": literal(m.user), "database": literal(m.database)}
	if m.socket != "" {
		b["socketPath"] = literal(m.socket)
	} else {
		b["host"], b["port"] = literal(m.host), m.port
	}
	if p := m.password.key(); p != nil {
		b["password"] = p
	}
	return b
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
	if err != nil {
		return err
	}
	made, err := draft(path, text)
	if err != nil {
		return err
	}
	defer os.Remove(made) // gone if it was renamed
	if !force {
		return place(made, path)
	}
	if err := hand(made, path); err != nil {
		return err
	}
	return os.Rename(made, path)
}

// draft writes a configuration, given as JSON, to a new file beside path, readable only by its owner, and checks that a node
// could load it. It returns the file, which the caller has to remove.
func draft(path string, text []byte) (made string, err error) {
	if text, err = keys.Format(path, text); err != nil {
		return "", err
	}
	made = draftFile(path)
	if err := writeNew(made, text); err != nil {
		return "", err
	}
	if _, _, err := config.Load(made, os.Environ()); err != nil {
		return "", errors.Join(err, os.Remove(made))
	}
	return made, nil
}

// draftFile is where draft writes.
func draftFile(path string) string { return path + ".new" + filepath.Ext(path) }

// place gives a file its final name, unless that exists.
func place(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil { // the file system has no links
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: os.ErrExist}
	}
	return os.Rename(from, to)
}

// writeWhole writes a file for its owner alone, as a whole or not at all.
func writeWhole(file string, text []byte) error {
	if err := writeNew(file+".new", text); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// writeNew writes a file for its owner alone, in place of what a killed process may have left there.
func writeNew(file string, text []byte) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}
