package config

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// schemes maps each protocol that mqtt.js knows to the scheme of a server's URL.
var schemes = map[string]string{
	"mqtt": "tcp", "tcp": "tcp",
	"mqtts": "ssl", "ssl": "ssl", "tls": "ssl",
	"ws": "ws", "wx": "ws",
	"wss": "wss", "wxs": "wss",
}

// ports maps each scheme to its default port, as in mqtt.js.
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
		m.ClientID = ClientID(cfg.TopicPrefix, cfg.ClientName)
	}
	if f.ReconnectPeriod == 0 && !c.Wrong("mqttConfig.reconnectPeriod") {
		// In mqtt.js, 0 means never to reconnect; a node that obeyed would be dead.
		c.Warnf("mqttConfig.reconnectPeriod", "0 is treated as 1000: a lost connection is always re-established")
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
	case !given && !c.Wrong("broker"):
		c.Mistakef("mqttConfig", "is missing: say where the broker is, or set broker.listen to run one in this node")
	default:
		if f.Host == "" {
			f.Host = "localhost"
		}
		f.Protocol = c.secured(f.Protocol, &m)
		c.server("mqttConfig.host", f.fileServer, f.Path, &m)
	}
	plain := func(s string) bool { return strings.HasPrefix(s, "tcp:") || strings.HasPrefix(s, "ws:") }
	if len(m.CA) > 0 && len(m.Servers) > 0 && !slices.ContainsFunc(m.Servers, func(s string) bool { return !plain(s) }) {
		c.Warnf("mqttConfig.ca", "is ignored because the protocol has no TLS; use mqtts or wss")
	}
	return m
}

// ClientID returns the MQTT client identifier of a node. It identifies clients at
// the broker across meshes, so it includes the prefix, without slashes and dots,
// which some brokers treat specially, or refuse.
func ClientID(topicPrefix, client string) string {
	if topicPrefix == "" {
		return "mysql-sync-" + client
	}
	return "mysql-sync-" + strings.ReplaceAll(topicPrefix, "/", ":") + ":" + client
}

// secured returns the protocol with TLS if a client certificate is configured,
// as in mqtt.js.
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

// server adds the URL of a broker to m. If the host is itself a URL, it takes
// precedence over the keys next to it. No message repeats the host: it may
// contain a login.
func (c *checker) server(key string, s fileServer, path string, m *MQTT) {
	host, port, at := s.Host, s.Port, &url.URL{Scheme: schemes[s.Protocol]}
	if strings.Contains(s.Host, "://") {
		given, err := url.Parse(s.Host)
		if err != nil || given.Hostname() == "" {
			c.Mistakef(key, "is not a valid URL; write it as mqtts://broker.example.com:8883")
			return
		}
		if at.Scheme = schemes[given.Scheme]; at.Scheme == "" {
			c.Mistakef(key, "has an unknown protocol; use one of mqtt, mqtts, ws, wss")
			return
		}
		if p := given.Port(); p != "" {
			if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
				c.Mistakef(key, "has a port that is not between 1 and 65535")
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
		if plain, err := url.PathUnescape(at.Path); err == nil { // as it is written, or escaped where it is not
			at.Path, at.RawPath = plain, at.Path
		}
	}
	m.Servers = append(m.Servers, at.String())
}
