package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

type mysqlSetup struct {
	host, socket, user, database string
	port                         int
	password                     secret
}

type mqttSetup struct {
	url, listen, user, ca string
	password              secret
}

func (m *mysqlSetup) config() config.MySQL {
	return config.MySQL{Host: m.host, Port: m.port, SocketPath: m.socket, User: m.user, Password: m.password.value,
		Database: m.database, ConnectTimeout: connectTime}
}

// socketPath returns the flag's path in a form that setServer recognizes.
func (m *mysqlSetup) socketPath() string {
	if strings.Contains(m.socket, "/") {
		return m.socket
	}
	return "./" + m.socket
}

// isServer reports whether the host flag has more than a host: a port, or a path.
func (m *mysqlSetup) isServer() bool {
	_, _, err := net.SplitHostPort(m.host)
	return err == nil || strings.ContainsAny(m.host, `/\`) || strings.HasSuffix(m.host, ".sock")
}

// server returns the server's address in a form that setServer accepts.
func (m *mysqlSetup) server() string {
	if m.socket != "" {
		return m.socket
	}
	return net.JoinHostPort(m.host, strconv.Itoa(m.port))
}

// setServer accepts host, host:port, or the path of a socket: anything with a slash or ending in .sock. A path is
// stored as absolute, since the file's folder may differ from the current one.
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
			return fmt.Errorf("%s is not a socket", path)
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

// setURL accepts the URL of a broker, or "own".
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
		return errors.New("expected a URL such as mqtts://broker.example.com:8883, with mqtt, mqtts, ws or wss")
	}
	if u.User != nil {
		return errors.New("the URL contains a login: use --broker-user, and pass the password as described in --help")
	}
	m.url, m.listen = text, ""
	return nil
}

// private reports whether the broker is this node's own and only this machine can reach it.
func (m *mqttSetup) private() bool {
	host, _, err := net.SplitHostPort(m.listen)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// login checks the user at the broker.
func (m *mqttSetup) login(user string) error {
	if user == "" && m.listen != "" && !m.private() {
		return errors.New("a broker reachable from other machines needs a login")
	}
	return nil
}

// elsewhere returns the flags with which another node reaches the broker; "" if none are needed or none would do.
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

// errUnreachable means that a broker did not answer.
var errUnreachable = errors.New("the broker did not answer")

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

func address(text string) error {
	_, port, err := net.SplitHostPort(text)
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:1883", text)
	}
	return nil
}
