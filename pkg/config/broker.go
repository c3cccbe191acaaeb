package config

import (
	"cmp"
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// broker checks the block broker; nil is no embedded broker.
func (c *checker) broker(f *fileBroker) Broker {
	if f == nil {
		return Broker{}
	}
	b := Broker{Listen: f.Listen, WSListen: f.WSListen, Cert: c.Path(f.Cert), Key: c.Path(f.Key)}
	seen := map[string]bool{}
	for i, u := range f.Users {
		key := "broker.users[" + strconv.Itoa(i) + "]"
		if seen[u.Username] && u.Username != "" {
			c.Mistakef(key+".username", "%q is listed twice; remove one", u.Username)
		}
		switch {
		case c.Wrong(key):
		case u.Password == "":
			c.Mistakef(key+".password", "is empty")
		case placeholder.MatchString(u.Password):
			c.Mistakef(key+".password", "is a well-known placeholder; use random characters, for example from openssl rand -hex 24")
		}
		seen[u.Username] = true
		b.Users = append(b.Users, BrokerUser{Username: u.Username, Password: u.Password, Client: u.Client})
	}
	for i, o := range f.WSOrigins {
		origin, ok := Origin(o)
		if !ok && o != Anyone {
			c.Mistakef("broker.wsOrigins["+strconv.Itoa(i)+"]", "%s is not a web origin such as https://app.example.com", keys.Show(o))
			continue
		}
		b.WSOrigins = append(b.WSOrigins, cmp.Or(origin, o))
	}
	c.listener("broker.listen", b.Listen, &b)
	c.listener("broker.wsListen", b.WSListen, &b)
	if b.Listen != "" && b.Listen == b.WSListen {
		c.Mistakef("broker.wsListen", "is the same address as listen; use another port")
	}
	c.serverPair("broker", b.Cert, b.Key)
	return b
}

// Origin returns the origin of a page, such as https://app.example.com, in the form for
// comparing: in lower case, and without its scheme's default port. ok is false if s is not
// an origin (RFC 6454).
func Origin(s string) (origin string, ok bool) {
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || s != strings.TrimRight(s, "/?#") ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	if u.Port() == "" || u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.String(), true
}

// serverPair checks the certificate and the key of a server: both or none.
func (c *checker) serverPair(block, cert, key string) {
	certKey, keyKey := keys.Join(block, "cert"), keys.Join(block, "key")
	switch {
	case c.Wrong(certKey) || c.Wrong(keyKey):
	case cert != "" && key != "":
		c.pair(certKey, keyKey, cert, key)
	case cert != "":
		c.Mistakef(keyKey, "is missing; it must be the private key for %s", certKey)
	case key != "":
		c.Mistakef(certKey, "is missing; it must be the certificate for %s", keyKey)
	}
}

// listener checks an address of the embedded broker. If other machines can
// reach it, it must not be open to everyone. Promise 8.
func (c *checker) listener(key, address string, b *Broker) {
	if address == "" {
		return
	}
	if local, ok := c.address(key, address); ok && !local && len(b.Users) == 0 && !c.Wrong("broker.users") {
		c.Mistakef(key, "%s is reachable from other machines, but broker.users is empty; add users, or listen on 127.0.0.1", keys.Show(address))
	}
}

// address checks an address to listen on, and reports whether only programs on
// the same machine can reach it.
func (c *checker) address(key, address string) (local, ok bool) {
	if address == "" {
		return false, true
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.Mistakef(key, "%s is not an address such as 127.0.0.1:1883", keys.Show(address))
		return false, false
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		c.Mistakef(key, "%s is not a port between 1 and 65535", port)
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), true
}

// ownBroker makes the named node a client of its embedded broker, with the login of the user bound to it, or
// else of the first that is bound to none. It trusts the broker's own certificate; if that does not name the address that the
// node uses, one of its names is expected instead.
func (c *checker) ownBroker(name string, b *Broker, m *MQTT) {
	host, port, err := net.SplitHostPort(b.Listen)
	if err != nil {
		return // a mistake was noted
	}
	if ip := net.ParseIP(host); host == "" || ip.Equal(net.IPv4zero) {
		host = "127.0.0.1"
	} else if ip.Equal(net.IPv6zero) {
		host = "::1"
	}
	scheme := "tcp"
	if b.Cert != "" && b.Key != "" && !c.Wrong("broker.cert") && !c.Wrong("broker.key") {
		scheme = "ssl"
		m.CA = append([]string{b.Cert}, m.CA...)
		m.ServerName = serverName(c.pair("broker.cert", "broker.key", b.Cert, b.Key), host)
	}
	m.Servers = []string{scheme + "://" + net.JoinHostPort(host, port)}
	if m.Username == "" && len(b.Users) > 0 {
		own := slices.IndexFunc(b.Users, func(u BrokerUser) bool { return u.Client == name })
		if own < 0 {
			own = slices.IndexFunc(b.Users, func(u BrokerUser) bool { return u.Client == "" })
		}
		if own < 0 {
			c.Mistakef("broker.users", "has no login for this node, a client of its own broker too; add a user with the client %q", name)
			return
		}
		m.Username, m.Password = b.Users[own].Username, b.Users[own].Password
	}
}

// serverName returns the name to expect in the certificate of a server at host:
// "" if it names the host, else its first name. The common name is for
// certificates that a plain openssl command made.
func serverName(cert *x509.Certificate, host string) string {
	switch {
	case cert == nil || cert.VerifyHostname(host) == nil:
		return ""
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	case len(cert.IPAddresses) > 0:
		return cert.IPAddresses[0].String()
	}
	return cert.Subject.CommonName
}
