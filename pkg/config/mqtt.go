package config

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// schemes has the scheme of a server's URL for each protocol that mqtt.js knows.
var schemes = map[string]string{
	"mqtt": "tcp", "tcp": "tcp",
	"mqtts": "ssl", "ssl": "ssl", "tls": "ssl",
	"ws": "ws", "wx": "ws",
	"wss": "wss", "wxs": "wss",
}

// ports has the default port of each scheme, as in mqtt.js.
var ports = map[string]int{"tcp": 1883, "ssl": 8883, "ws": 80, "wss": 443}

// mqtt checks the block mqttConfig; given says whether the file has it.
func (c *checker) mqtt(f *fileMQTT, cfg *Config, given bool) MQTT {
	t := c.tls("mqttConfig", f.fileTLS)
	m := MQTT{
		ClientID:           f.ClientID,
		Username:           f.Username,
		Password:           f.Password,
		KeepAlive:          milliseconds(1000 * f.KeepAlive),
		ConnectTimeout:     milliseconds(f.ConnectTimeout),
		ReconnectPeriod:    milliseconds(f.ReconnectPeriod),
		Clean:              f.Clean,
		CA:                 t.CA,
		Cert:               t.Cert,
		Key:                t.Key,
		RejectUnauthorized: t.RejectUnauthorized,
	}
	if m.ClientID == "" {
		m.ClientID = clientID(cfg.TopicPrefix, cfg.ClientName)
	}
	if f.ReconnectPeriod == 0 && !c.wrong("mqttConfig.reconnectPeriod") {
		// In mqtt.js, 0 is never to connect again; a node that obeyed would be dead.
		c.warn("mqttConfig.reconnectPeriod", "0 is treated as 1000: a lost connection is always re-established")
		m.ReconnectPeriod = milliseconds(1000)
	}
	if f.Hostname != "" {
		f.Host = f.Hostname // as in mqtt.js
	}
	switch {
	case len(f.Servers) > 0:
		for i, s := range f.Servers {
			if s.Host == "" {
				continue // a mistake was noted
			}
			if s.Protocol == "" {
				s.Protocol = c.secured(f.Protocol, &m)
			}
			c.server("mqttConfig.servers["+strconv.Itoa(i)+"].host", s, f.Path, &m)
		}
	case f.Host == "" && cfg.Broker.Listen != "":
		c.ownBroker(cfg.ClientName, &cfg.Broker, &m)
	case !given && !c.wrong("broker"):
		c.mistake("mqttConfig", "is missing: say where the broker is, or set broker.listen to run one in this node")
	default:
		if f.Host == "" {
			f.Host = "localhost"
		}
		f.Protocol = c.secured(f.Protocol, &m)
		c.server("mqttConfig.host", f.fileServer, f.Path, &m)
	}
	plain := func(s string) bool { return strings.HasPrefix(s, "tcp:") || strings.HasPrefix(s, "ws:") }
	if len(m.CA) > 0 && len(m.Servers) > 0 && !slices.ContainsFunc(m.Servers, func(s string) bool { return !plain(s) }) {
		c.warn("mqttConfig.ca", "is ignored because the protocol has no TLS; use mqtts or wss")
	}
	return m
}

// clientID returns the MQTT client identifier of a node. The broker knows clients
// by it, whatever their mesh, so it has the prefix too; without slashes and dots,
// which some brokers take for more, or refuse.
func clientID(topicPrefix, client string) string {
	if topicPrefix == "" {
		return "mysql-sync-" + client
	}
	return "mysql-sync-" + strings.ReplaceAll(topicPrefix, "/", ":") + ":" + client
}

// secured returns the protocol with TLS where a client certificate is to be
// shown, as in mqtt.js.
func (c *checker) secured(protocol string, m *MQTT) string {
	if protocol == "" {
		protocol = "mqtt"
	}
	if len(m.Cert) > 0 {
		switch schemes[protocol] {
		case "tcp":
			return "mqtts"
		case "ws":
			return "wss"
		}
	}
	return protocol
}

// server adds the URL of a broker to m. Where the host is a URL itself, what it
// says wins over the keys beside it. No message repeats the host: it may hold a
// login.
func (c *checker) server(key string, s fileServer, path string, m *MQTT) {
	host, port, at := s.Host, s.Port, &url.URL{Scheme: schemes[s.Protocol]}
	if strings.Contains(s.Host, "://") {
		given, err := url.Parse(s.Host)
		if err != nil || given.Hostname() == "" {
			c.mistake(key, "is not a valid URL; write it as mqtts://broker.example.com:8883")
			return
		}
		if at.Scheme = schemes[given.Scheme]; at.Scheme == "" {
			c.mistake(key, "has an unknown protocol; use one of mqtt, mqtts, ws, wss")
			return
		}
		if p := given.Port(); p != "" {
			if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
				c.mistake(key, "has a port that is not between 1 and 65535")
				return
			}
		}
		if given.User != nil && m.Username == "" {
			m.Username = given.User.Username()
			m.Password, _ = given.User.Password()
		}
		if given.RequestURI() != "/" {
			path = given.RequestURI()
		}
		host = given.Hostname()
	}
	host = c.host(key, host)
	if port == 0 {
		port = ports[at.Scheme]
	}
	at.Host = net.JoinHostPort(host, strconv.Itoa(port))
	if at.Scheme == "ws" || at.Scheme == "wss" {
		at.Path, at.RawQuery, _ = strings.Cut("/"+strings.TrimPrefix(path, "/"), "?")
	}
	m.Servers = append(m.Servers, at.String())
}
