package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// The default places of passwords, and the default broker.
const (
	mysqlPassword = "MYSQL_PASSWORD"
	mqttPassword  = "MQTT_PASSWORD"
	defaultBroker = "mqtt://localhost:1883"
)

// setup is what init has learned so far.
type setup struct {
	changed             func(flag string) bool
	client              string
	remotes             []string
	both, send, receive []string
	all                 bool
	queue               string
	mysql               mysqlSetup
	mqtt                mqttSetup
}

// secret is a password, or where to find it.
type secret struct{ value, env, file string }

// find reads the password; by default from an environment variable, if that is set.
func (p *secret) find(variable, what string) error {
	switch {
	case p.env != "" && p.file != "":
		return fmt.Errorf("--%s-password-env and --%s-password-file are mutually exclusive", what, what)
	case p.file != "":
		text, err := os.ReadFile(p.file)
		if err != nil {
			return fmt.Errorf("--%s-password-file: %w", what, err)
		}
		p.value = strings.TrimRight(string(text), "\r\n")
		p.file, err = filepath.Abs(p.file)
		return err
	case p.env != "":
		value, ok := os.LookupEnv(p.env)
		if !ok {
			return fmt.Errorf("--%s-password-env: the environment variable %s is not set", what, p.env)
		}
		p.value = value
	default:
		if value, ok := os.LookupEnv(variable); ok {
			p.env, p.value = variable, value
		}
	}
	return nil
}

// key returns the password in the configuration's form; nil if there is none.
func (p secret) key() any {
	switch {
	case p.file != "":
		return map[string]string{"file": literal(p.file)}
	case p.env != "":
		return "${" + p.env + "}"
	case p.value != "":
		return literal(p.value)
	}
	return nil
}

// prepare reads passwords and checks flags.
func (s *setup) prepare() error {
	var errs []error
	errs = append(errs, s.mysql.password.find(mysqlPassword, "mysql"))
	if s.mqtt.user != "" || s.mqtt.password.env != "" || s.mqtt.password.file != "" {
		errs = append(errs, s.mqtt.password.find(mqttPassword, "broker"))
	}
	if s.mqtt.url != "" && s.mqtt.listen != "" {
		errs = append(errs, errors.New("--broker and --broker-listen are mutually exclusive"))
	}
	if s.mqtt.url != "" {
		errs = append(errs, prefixed("--broker", s.mqtt.setURL(s.mqtt.url)))
	}
	if s.changed("mysql-host") && s.changed("mysql-socket") {
		errs = append(errs, errors.New("--mysql-host and --mysql-socket are mutually exclusive"))
	} else if s.mysql.socket != "" {
		errs = append(errs, prefixed("--mysql-socket", s.mysql.setServer(s.mysql.socketPath())))
	} else if s.changed("mysql-host") && s.mysql.isServer() {
		errs = append(errs, prefixed("--mysql-host", s.mysql.setServer(s.mysql.host)))
	}
	if s.mqtt.ca != "" {
		var err error
		s.mqtt.ca, err = filepath.Abs(s.mqtt.ca)
		errs = append(errs, err, prefixed("--broker-ca", readable(s.mqtt.ca)))
	}
	if s.queue != "" {
		var err error
		s.queue, err = filepath.Abs(s.queue)
		errs = append(errs, err)
	}
	if s.client != "" {
		errs = append(errs, prefixed("--client", clientName(s.client)))
	}
	if len(s.remotes) > 0 {
		errs = append(errs, prefixed("--remote", s.checkRemotes()))
	}
	return errors.Join(errs...)
}

func prefixed(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// complete returns an error if flags are missing and no one can be asked.
func (s *setup) complete() error {
	var missing []string
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"--client", s.client != ""}, {"--remote", len(s.remotes) > 0}, {"--mysql-user", s.mysql.user != ""},
		{"--mysql-database", s.mysql.database != ""}, {"--table", s.all || len(s.both)+len(s.send)+len(s.receive) > 0},
	} {
		if !f.has {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing %s; see mysql-sync init --help", strings.Join(missing, ", "))
	}
	return nil
}

func (s *setup) checkRemotes() error {
	for i, r := range s.remotes {
		if err := clientName(r); err != nil {
			return err
		}
		if r == s.client {
			return fmt.Errorf("%s is this node", r)
		}
		if slices.Contains(s.remotes[:i], r) {
			return fmt.Errorf("%s is named twice", r)
		}
	}
	if len(s.remotes) == 0 {
		return errors.New("name at least one")
	}
	return nil
}

// checkTables returns an error for each named table that cannot be synced.
func (s *setup) checkTables(found []check.Candidate) error {
	var errs []error
	for _, name := range slices.Concat(s.both, s.send, s.receive) {
		at := slices.IndexFunc(found, func(c check.Candidate) bool { return c.Name == name })
		switch {
		case at < 0:
			errs = append(errs, fmt.Errorf("table %s: does not exist in database %s%s", name, s.mysql.database, meant(name, candidates(found))))
		case found[at].Why != "":
			errs = append(errs, fmt.Errorf("table %s: %s", name, found[at].Why))
		}
	}
	if len(s.both)+len(s.send)+len(s.receive) == 0 {
		errs = append(errs, fmt.Errorf("database %s has no table that can be synced", s.mysql.database))
	}
	return errors.Join(errs...)
}

// meant suggests the closest known name for a typo; "" if none is close.
func meant(name string, known []string) string {
	if nearest := keys.Nearest(name, known); nearest != "" {
		return "; did you mean " + nearest + "?"
	}
	return ""
}

// candidates returns the names of tables.
func candidates(found []check.Candidate) []string {
	list := make([]string, len(found))
	for i, c := range found {
		list[i] = c.Name
	}
	return list
}

// The checks of answers.

func clientName(text string) error {
	if !wire.ValidClient(text) {
		return fmt.Errorf("%q is not a name of 2 to 32 letters, digits, - or _", text)
	}
	return nil
}

func notEmpty(text string) error {
	if text == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func readable(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// hostName proposes a name for the node; it may be empty.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	name, _, _ = strings.Cut(name, ".")
	if wire.ValidClient(name) {
		return name
	}
	return ""
}
