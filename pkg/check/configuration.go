package check

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
)

// Configuration reads a configuration file and returns every mistake in it, and the configuration if there are none. The
// error is for a file that cannot be read at all.
func Configuration(path string, environ []string) (*config.Config, []finding.Finding, error) {
	f := &finding.List{Area: AreaConfiguration}
	cfg, warnings, err := config.Load(path, environ)
	var mistakes config.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return nil, nil, err
	}
	for _, m := range mistakes {
		f.Wrongf(m.Key, "", "%s", m.Text)
	}
	for _, w := range warnings {
		key, text, _ := strings.Cut(w, ": ")
		f.Warnf(key, "", "%s", text)
	}
	if cfg == nil {
		return nil, f.Found, nil
	}
	if len(warnings) == 0 {
		f.Rightf(filepath.Base(path), "has no errors")
	}
	judgeFrom(f, path, cfg)
	judgeSecrets(f, path, cfg)
	judgeRoads(f, cfg)
	judgeUsers(f, cfg)
	return cfg, f.Found, nil
}

// judgeFrom says where each key comes from, if a hub leads some.
func judgeFrom(f *finding.List, path string, cfg *config.Config) {
	from := &cfg.From
	switch {
	case from.Client == "":
		return
	case from.Before != "":
		f.Warnf("configurationFrom", "Start the node; if that does not help, see mysql-sync status here, and mysql-sync lead at the hub.",
			"nothing has come from %s (profile %s) yet: what came from %s before counts until then", from.Client, from.Profile, from.Before)
	case from.Version == 0:
		f.Warnf("configurationFrom", "Start the node; if that does not help, see mysql-sync status here, and mysql-sync lead at the hub.",
			"nothing has come from %s (profile %s) yet: all keys come from %s", from.Client, from.Profile, filepath.Base(path))
		return
	}
	for _, key := range from.Keys {
		f.Rightf(key, "comes from %s", from.Source())
	}
	for _, key := range from.Ours {
		f.Rightf(key, "is determined here (configurationFrom.local, or the environment), although %s has it too", from.Source())
	}
	f.Rightf("configurationFrom", "all other keys come from %s", filepath.Base(path))
	m, err := from.File.Read()
	if err == nil && m.Refused != nil && m.Refused.Version != from.Version {
		f.Warnf("configurationFrom", "Remove the reason, then: mysql-sync reload", "version %s of profile %s of %s is refused: %s", m.Refused.Version, from.Profile, from.Client, m.Refused.Why)
	}
}

// judgeSecrets warns about a file with secrets that everyone may read. Its group may: with the packages, files belong to
// root, and the node's user reads them through the group.
func judgeSecrets(f *finding.List, path string, cfg *config.Config) {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o004 == 0 {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	secrets := []string{cfg.MySQL.Password, cfg.MQTT.Password, cfg.HTTP.Token}
	for _, u := range cfg.Broker.Users {
		secrets = append(secrets, u.Password)
	}
	for _, s := range secrets {
		if s != "" && bytes.Contains(text, []byte(s)) {
			f.Warnf(filepath.Base(path), "chmod o-rwx "+path, "contains a secret and can be read by other users of this machine (mode %04o)", info.Mode().Perm())
			return
		}
	}
}

// judgeRoads warns about unencrypted or unverified connections to other machines.
func judgeRoads(f *finding.List, cfg *config.Config) {
	for _, s := range cfg.MQTT.Servers {
		u, err := url.Parse(s)
		if err != nil || isLocal(u.Hostname()) {
			continue
		}
		if u.Scheme == "tcp" || u.Scheme == "ws" {
			f.Warnf("mqttConfig", "Use the protocol mqtts or wss.", "rows and the password go to %s in the clear: anyone in between can read and change them", u.Host)
		} else if !cfg.MQTT.RejectUnauthorized {
			f.Warnf("mqttConfig.rejectUnauthorized", "Name the broker's CA certificate in mqttConfig.ca, and remove this key.",
				"the certificate of %s is not verified: anyone in between can read and change the traffic", u.Host)
		}
	}
	m := cfg.MySQL
	if m.SocketPath != "" || isLocal(m.Host) {
		return
	}
	if m.TLS == nil {
		f.Warnf("mysqlConfig.ssl", `Set "ssl": {"ca": "ca.crt"}, or run the node next to the database.`, "rows go to and from %s in the clear", m.Host)
	} else if !m.TLS.RejectUnauthorized {
		f.Warnf("mysqlConfig.ssl.rejectUnauthorized", "Name the server's CA certificate in mysqlConfig.ssl.ca, and remove this key.",
			"the certificate of %s is not verified: anyone in between can read and change the traffic", m.Host)
	}
}

// judgeUsers warns about logins to the node's own broker that are not bound to a client.
func judgeUsers(f *finding.List, cfg *config.Config) {
	var free []string
	for _, u := range cfg.Broker.Users {
		if u.Client == "" {
			free = append(free, u.Username)
		}
	}
	if len(free) > 0 {
		f.Warnf("broker.users", "Set each user's client, with the key client.",
			"anyone with one of these logins can read what all clients send, and write in their names: %s", list(free))
	}
}
