package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Where passwords are by default, and the broker.
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

type mysqlSetup struct {
	host, socket, user, database string
	port                         int
	password                     secret
}

type mqttSetup struct {
	url, listen, user, ca string
	password              secret
}

// secret is a password: itself, or where it is.
type secret struct{ value, env, file string }

// find reads the password from where it is; by default from an environment
// variable, if that is set.
func (p *secret) find(variable, what string) error {
	switch {
	case p.env != "" && p.file != "":
		return fmt.Errorf("--%s-password-env and --%s-password-file exclude each other", what, what)
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

// key is the password as the configuration has it; nil is none.
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

// literal keeps a text from being taken for a reference to the environment.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// prepare reads passwords and checks flags.
func (s *setup) prepare() error {
	var errs []error
	errs = append(errs, s.mysql.password.find(mysqlPassword, "mysql"))
	if s.mqtt.user != "" || s.mqtt.password.env != "" || s.mqtt.password.file != "" {
		errs = append(errs, s.mqtt.password.find(mqttPassword, "broker"))
	}
	if s.mqtt.url != "" && s.mqtt.listen != "" {
		errs = append(errs, errors.New("--broker and --broker-listen exclude each other"))
	}
	if s.mqtt.url != "" {
		errs = append(errs, prefixed("--broker", s.mqtt.setURL(s.mqtt.url)))
	}
	if s.changed("mysql-host") && s.changed("mysql-socket") {
		errs = append(errs, errors.New("--mysql-host and --mysql-socket exclude each other"))
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

// complete tells which flags are missing where nobody is asked.
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
		return fmt.Errorf("%s: missing; see mysql-sync init --help", strings.Join(missing, ", "))
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
		return errors.New("at least one is wanted")
	}
	return nil
}

// checkTables returns an error for each table that was named and cannot be synced.
func (s *setup) checkTables(found []check.Candidate) error {
	var errs []error
	for _, name := range slices.Concat(s.both, s.send, s.receive) {
		at := slices.IndexFunc(found, func(c check.Candidate) bool { return c.Name == name })
		switch {
		case at < 0:
			errs = append(errs, fmt.Errorf("table %s: it does not exist in database %s%s", name, s.mysql.database, meant(name, candidates(found))))
		case found[at].Why != "":
			errs = append(errs, fmt.Errorf("table %s: %s", name, found[at].Why))
		}
	}
	if len(s.both)+len(s.send)+len(s.receive) == 0 {
		errs = append(errs, fmt.Errorf("database %s has no table that can be synced", s.mysql.database))
	}
	return errors.Join(errs...)
}

func (m *mysqlSetup) config() config.MySQL {
	return config.MySQL{Host: m.host, Port: m.port, SocketPath: m.socket, User: m.user, Password: m.password.value,
		Database: m.database, ConnectTimeout: connectTime}
}

// socketPath is the flag's path such that setServer takes it for one.
func (m *mysqlSetup) socketPath() string {
	if strings.Contains(m.socket, "/") {
		return m.socket
	}
	return "./" + m.socket
}

// isServer reports whether the flag for the host has more than that: a port, or a path.
func (m *mysqlSetup) isServer() bool {
	_, _, err := net.SplitHostPort(m.host)
	return err == nil || strings.ContainsAny(m.host, `/\`) || strings.HasSuffix(m.host, ".sock")
}

// server is where the server is, as setServer takes it.
func (m *mysqlSetup) server() string {
	if m.socket != "" {
		return m.socket
	}
	return net.JoinHostPort(m.host, strconv.Itoa(m.port))
}

// setServer takes host, host:port, or the path of a socket: what has a slash or ends in
// .sock. A path is written whole, as the file's folder may be another than this one.
func (m *mysqlSetup) setServer(text string) error {
	if strings.ContainsAny(text, `/\`) || strings.HasSuffix(text, ".sock") {
		path := strings.TrimPrefix(text, "unix:")
		if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(path, "~/") {
			path = filepath.Join(home, path[2:])
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err != nil {
			return err
		} else if info.Mode()&os.ModeSocket == 0 {
			return fmt.Errorf("%s is no socket", path)
		}
		m.socket = path
		return nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		m.host, m.port, m.socket = text, 3306, ""
		return notEmpty(text)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%s is not a port between 1 and 65535", port)
	}
	m.host, m.port, m.socket = host, n, ""
	return notEmpty(host)
}

// setURL takes the URL of a broker, or own.
func (m *mqttSetup) setURL(text string) error {
	if text == "own" {
		m.url, m.listen = "", "127.0.0.1:1883"
		return nil
	}
	if !strings.Contains(text, "://") {
		text = "mqtt://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"mqtt", "mqtts", "ws", "wss"}, u.Scheme) {
		return errors.New("a URL is wanted, such as mqtts://broker.example.com:8883, with mqtt, mqtts, ws or wss")
	}
	if u.User != nil {
		return errors.New("the URL has a login in it: give the user by --broker-user, and the password as --help says")
	}
	m.url, m.listen = text, ""
	return nil
}

// private reports whether the broker is this node's own, and for this machine alone.
func (m *mqttSetup) private() bool {
	host, _, err := net.SplitHostPort(m.listen)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// login checks the user at the broker.
func (m *mqttSetup) login(user string) error {
	if user == "" && m.listen != "" && !m.private() {
		return errors.New("a broker that other machines reach needs a login")
	}
	return nil
}

// elsewhere is the flag that leads another node to the broker; "" is none.
func (m *mqttSetup) elsewhere() string {
	if m.listen == "" {
		if m.url == "" || m.url == defaultBroker {
			return ""
		}
		return " --broker " + m.url
	}
	host, port, err := net.SplitHostPort(m.listen)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = orElse(hostName(), "…")
	}
	flag := " --broker mqtt://" + net.JoinHostPort(host, port)
	if m.user != "" {
		flag += " --broker-user " + m.user
	}
	return flag
}

// errUnreachable says that a broker did not answer.
var errUnreachable = errors.New("the broker does not answer")

// try logs in to the broker, as the node will.
func (m *mqttSetup) try(ctx context.Context, client string) error {
	if m.listen != "" {
		return nil
	}
	u, err := url.Parse(orElse(m.url, defaultBroker))
	if err != nil {
		return err
	}
	scheme := map[string]string{"mqtt": "tcp", "mqtts": "ssl", "ws": "ws", "wss": "wss"}[u.Scheme]
	port := map[string]string{"mqtt": "1883", "mqtts": "8883", "ws": "80", "wss": "443"}[u.Scheme]
	at := url.URL{Scheme: scheme, Host: net.JoinHostPort(u.Hostname(), orElse(u.Port(), port)), Path: u.Path}
	c := config.MQTT{Servers: []string{at.String()}, ClientID: "mysql-sync-" + client, Username: m.user, Password: m.password.value,
		KeepAlive: time.Minute, ConnectTimeout: connectTime, RejectUnauthorized: true}
	if m.ca != "" {
		c.CA = []string{m.ca}
	}
	err = check.BrokerAnswers(ctx, c)
	var other *transport.ProtocolError
	if err != nil && !errors.Is(err, transport.ErrRefused) && !errors.As(err, &other) {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	return err
}

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

// text is the configuration as JSON.
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
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(f)
	return b.Bytes(), err
}

// hand gives a new file the owner, the group and the rights of the one that it is
// to replace, if there is one, except the rights of everybody.
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

// write writes the configuration, for its owner alone. It is first read as a node
// would read it; a file that is there is replaced as a whole, or not at all, and
// whoever could read it goes on to, but for everybody.
func (s *setup) write(path string, force bool) error {
	text, err := s.text()
	if err == nil {
		text, err = config.Format(path, text)
	}
	if err != nil {
		return err
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".mysql-sync-*"+filepath.Ext(path)) // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(probe.Name()) // it is gone where it was renamed
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

// meant proposes the nearest of some names where one has a slip; "" is that none is near.
func meant(name string, known []string) string {
	if nearest := config.Nearest(name, known); nearest != "" {
		return "; did you mean " + nearest + "?"
	}
	return ""
}

// candidates are the names of tables.
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
		return errors.New("something is wanted here")
	}
	return nil
}

func address(text string) error {
	_, port, err := net.SplitHostPort(text)
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:1883", text)
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
