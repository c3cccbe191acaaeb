package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// certs is a directory with ca.crt, client.crt, client.key (self-signed, for
// broker.example.com and 127.0.0.1) and other.key.
type certs struct {
	t   *testing.T
	dir string
}

func newCerts(t *testing.T) certs {
	t.Helper()
	c := certs{t, t.TempDir()}
	key := c.key("client.key")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<33, 0),
		DNSNames:     []string{"broker.example.com"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c.write("client.crt", "CERTIFICATE", der)
	c.write("ca.crt", "CERTIFICATE", der)
	c.key("other.key")
	c.write("encrypted.key", "ENCRYPTED PRIVATE KEY", []byte("x"))
	if err := os.WriteFile(filepath.Join(c.dir, "text"), []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c certs) key(name string) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(name, "PRIVATE KEY", der)
	return key
}

func (c certs) write(name, kind string, der []byte) {
	if err := os.WriteFile(c.at(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c certs) at(name string) string { return filepath.Join(c.dir, name) }

func TestCertificateMistakes(t *testing.T) {
	c := newCerts(t)
	for _, rule := range []struct {
		name          string
		ca, cert, key any
		want          string
	}{
		{"a missing file", c.at("nope"), nil, nil, "ca: open " + c.at("nope") + ": no such file or directory"},
		{"a directory", c.dir, nil, nil, "ca: read " + c.dir + ": is a directory"},
		{"a file that is not PEM", c.at("text"), nil, nil, "ca: " + c.at("text") + " contains no PEM certificate"},
		{"one bad file of several", []string{c.at("ca.crt"), c.at("client.key")}, nil, nil, "ca: " + c.at("client.key") + " contains no PEM certificate"},
		{"PEM text instead of a path", "-----BEGIN CERTIFICATE-----", nil, nil, "ca: is PEM text; put it in a file and give its path"},
		{"the key of another certificate", nil, c.at("client.crt"), c.at("other.key"),
			"key: " + c.at("other.key") + " is not the key of " + c.at("client.crt") + ": private key does not match public key"},
		{"an encrypted key", nil, c.at("client.crt"), c.at("encrypted.key"), "key: " + c.at("encrypted.key") + " is encrypted; use a key without a passphrase"},
		{"a certificate that is a key", nil, c.at("client.key"), c.at("client.key"), "cert: " + c.at("client.key") + " contains no PEM certificate"},
		{"one key for two certificates", nil, []string{c.at("client.crt"), c.at("client.crt")}, c.at("client.key"),
			"key: must list one file per certificate, in the same order: cert has 2, key has 1"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			given := block{"host": "h", "ca": rule.ca, "cert": rule.cert, "key": rule.key}
			refused(t, write(t, least(block{"mqttConfig": given})), nil, "mqttConfig."+rule.want)
			delete(given, "host")
			refused(t, write(t, least(block{"mysqlConfig": block{"user": "s", "database": "d", "ssl": given}})), nil, "mysqlConfig.ssl."+rule.want)
		})
	}
}

// The old documentation showed ca and cert without a key; such files still work.
func TestHalfAPairIsIgnored(t *testing.T) {
	c := newCerts(t)
	for _, rule := range []struct{ key, file, want string }{
		{"cert", "client.crt", "mqttConfig.cert: is ignored because there is no key; add the certificate's key, or remove it"},
		{"key", "client.key", "mqttConfig.key: is ignored because there is no cert; add the key's certificate, or remove it"},
	} {
		path := write(t, least(block{"mqttConfig": block{"host": "h", "protocol": "ssl", "ca": c.at("ca.crt"), rule.key: c.at(rule.file)}}))
		got, warnings, err := Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(warnings, []string{rule.want}) || got.MQTT.Cert != nil || got.MQTT.Key != nil || len(got.MQTT.CA) != 1 {
			t.Errorf("%s: warnings %q, got %v", rule.key, warnings, got.MQTT)
		}
	}
}

func TestKeyInTheFileOfItsCertificate(t *testing.T) {
	c := newCerts(t)
	var joined []byte
	for _, name := range []string{"client.crt", "client.key"} {
		part, err := os.ReadFile(c.at(name))
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, part...)
	}
	path := writeText(t, "client.pem", string(joined))
	got := load(t, write(t, least(block{"mqttConfig": block{"host": "h", "cert": path}}))).MQTT
	if want := []string{path}; !reflect.DeepEqual(got.Cert, want) || !reflect.DeepEqual(got.Key, want) || got.Servers[0] != "ssl://h:8883" {
		t.Errorf("got %v", got)
	}
}

func TestNameToExpect(t *testing.T) {
	ip := net.IPv4(127, 0, 0, 1)
	for _, rule := range []struct {
		name string
		cert *x509.Certificate
		want string
	}{
		{"a certificate with a mistake", nil, ""},
		{"one that names the host", &x509.Certificate{IPAddresses: []net.IP{ip}, DNSNames: []string{"a"}}, ""},
		{"one with another name", &x509.Certificate{DNSNames: []string{"a", "b"}}, "a"},
		{"one with another address", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}, "10.0.0.1"},
		{"one with a common name alone", &x509.Certificate{Subject: pkix.Name{CommonName: "c"}}, "c"},
	} {
		if got := serverName(rule.cert, ip.String()); got != rule.want {
			t.Errorf("%s: got %q, want %q", rule.name, got, rule.want)
		}
	}
}

func TestBroker(t *testing.T) {
	c := newCerts(t)
	users := []any{block{"username": "berlin", "password": "p"}, block{"username": "hamburg", "password": "q"}}
	pair := func(listen string) block {
		return block{"listen": listen, "users": users, "cert": c.at("client.crt"), "key": c.at("client.key")}
	}
	for _, rule := range []struct {
		name         string
		broker, mqtt block
		want         MQTT
	}{
		{"without users on the loopback", block{"listen": "127.0.0.1:1884"}, nil, MQTT{Servers: []string{"tcp://127.0.0.1:1884"}}},
		{"by name", block{"listen": "localhost:1884"}, block{}, MQTT{Servers: []string{"tcp://localhost:1884"}}},
		{"on all addresses", block{"listen": ":1884", "users": users}, nil,
			MQTT{Servers: []string{"tcp://127.0.0.1:1884"}, Username: "berlin", Password: "p"}},
		{"on all IPv6 addresses", block{"listen": "[::]:1884", "users": users}, block{"username": "me", "password": "r"},
			MQTT{Servers: []string{"tcp://[::1]:1884"}, Username: "me", Password: "r"}},
		{"with a certificate that names the address", pair("0.0.0.0:8883"), nil,
			MQTT{Servers: []string{"ssl://127.0.0.1:8883"}, Username: "berlin", Password: "p", CA: []string{c.at("client.crt")}}},
		{"with a certificate that names another", pair("127.0.0.2:8883"), nil,
			MQTT{Servers: []string{"ssl://127.0.0.2:8883"}, ServerName: "broker.example.com", Username: "berlin", Password: "p", CA: []string{c.at("client.crt")}}},
		{"next to another broker", block{"listen": "127.0.0.1:1884", "wsListen": "127.0.0.1:80"}, block{"host": "h"}, MQTT{Servers: []string{"tcp://h:1883"}}},
	} {
		change := block{"broker": rule.broker, "mqttConfig": nil}
		if rule.mqtt != nil {
			change["mqttConfig"] = rule.mqtt
		}
		got := load(t, write(t, least(change))).MQTT
		got = MQTT{Servers: got.Servers, ServerName: got.ServerName, Username: got.Username, Password: got.Password, CA: got.CA}
		if !reflect.DeepEqual(got, rule.want) {
			t.Errorf("%s: got %+v want %+v", rule.name, got, rule.want)
		}
	}

	for _, rule := range []struct {
		name   string
		broker block
		want   string
	}{
		{"other machines need a login", block{"listen": "0.0.0.0:1883"},
			`broker.listen: "0.0.0.0:1883" is reachable from other machines, but broker.users is empty; add users, or listen on 127.0.0.1`},
		{"other machines need a login for websockets", block{"listen": "127.0.0.1:1883", "wsListen": ":80"},
			`broker.wsListen: ":80" is reachable from other machines, but broker.users is empty; add users, or listen on 127.0.0.1`},
		{"a broker listens", block{"users": users}, "broker.listen: is missing: address to listen on for MQTT"},
		{"an address has a port", block{"listen": "127.0.0.1"}, `broker.listen: "127.0.0.1" is not an address such as 127.0.0.1:1883`},
		{"a port exists", block{"listen": "127.0.0.1:0"}, "broker.listen: 0 is not a port between 1 and 65535"},
		{"two listeners have two ports", block{"listen": "127.0.0.1:1", "wsListen": "127.0.0.1:1"}, "broker.wsListen: is the same address as listen; use another port"},
		{"a certificate has a key", block{"listen": "127.0.0.1:1", "cert": "x"}, "broker.key: is missing; it must be the private key for broker.cert"},
		{"a key has a certificate", block{"listen": "127.0.0.1:1", "key": "x"}, "broker.cert: is missing; it must be the certificate for broker.key"},
		{"a key is the certificate's", block{"listen": "127.0.0.1:1", "cert": c.at("client.crt"), "key": c.at("other.key")},
			"broker.key: " + c.at("other.key") + " is not the key of " + c.at("client.crt") + ": private key does not match public key"},
		{"a user is listed once", block{"listen": "127.0.0.1:1", "users": []any{users[0], users[0]}}, `broker.users[1].username: "berlin" is listed twice; remove one`},
		{"a user has a password", block{"listen": "127.0.0.1:1", "users": []any{block{"username": "u", "password": ""}}}, `broker.users[0].password: is empty`},
		{"the node has a login", block{"listen": "127.0.0.1:1", "users": []any{block{"username": "u", "password": "of-another-site-1", "client": "another"}}},
			`broker.users: has no login for this node, a client of its own broker too; add a user with the client "berlin"`},
	} {
		t.Run(rule.name, func(t *testing.T) {
			refused(t, write(t, least(block{"broker": rule.broker, "mqttConfig": nil})), nil, rule.want)
		})
	}
}

func TestServers(t *testing.T) {
	c := newCerts(t)
	with := func(k block) block { k["cert"], k["key"] = c.at("client.crt"), c.at("client.key"); return k }
	for _, rule := range []struct {
		name string
		mqtt block
		want []string
	}{
		{"the default is localhost", block{}, []string{"tcp://localhost:1883"}},
		{"mqtt", block{"host": "h", "protocol": "mqtt"}, []string{"tcp://h:1883"}},
		{"tcp", block{"host": "h", "protocol": "tcp", "path": "/ignored"}, []string{"tcp://h:1883"}},
		{"mqtts", block{"host": "h", "protocol": "mqtts"}, []string{"ssl://h:8883"}},
		{"ssl", block{"host": "h", "protocol": "ssl"}, []string{"ssl://h:8883"}},
		{"tls", block{"host": "h", "protocol": "tls"}, []string{"ssl://h:8883"}},
		{"ws", block{"host": "h", "protocol": "ws"}, []string{"ws://h:80/"}},
		{"wx", block{"host": "h", "protocol": "wx", "path": "/mqtt?a=b"}, []string{"ws://h:80/mqtt?a=b"}},
		{"wss", block{"host": "h", "protocol": "wss", "path": "mqtt"}, []string{"wss://h:443/mqtt"}},
		{"wxs", block{"host": "h", "protocol": "wxs", "port": 8443}, []string{"wss://h:8443/"}},
		{"hostname wins", block{"host": "h", "hostname": "n"}, []string{"tcp://n:1883"}},
		{"IPv6", block{"host": "::1"}, []string{"tcp://[::1]:1883"}},
		{"IPv6 in brackets", block{"host": "[::1]"}, []string{"tcp://[::1]:1883"}},
		{"a URL", block{"host": "mqtts://h"}, []string{"ssl://h:8883"}},
		{"a URL wins over the keys", block{"host": "wss://h:99/p", "port": 1, "protocol": "mqtt", "path": "/q"}, []string{"wss://h:99/p"}},
		{"a URL's missing parts come from the keys", block{"host": "ws://h", "port": 1, "path": "/q"}, []string{"ws://h:1/q"}},
		{"several servers", block{"protocol": "ws", "path": "/m", "host": "not used", "servers": []any{
			block{"host": "a"}, block{"host": "b", "port": 5, "protocol": "mqtts"}, block{"host": "tcp://c"}}},
			[]string{"ws://a:80/m", "ssl://b:5", "tcp://c:1883"}},
		{"a client certificate needs TLS", with(block{"host": "h"}), []string{"ssl://h:8883"}},
		{"a client certificate needs TLS on a websocket", with(block{"host": "h", "protocol": "ws"}), []string{"wss://h:443/"}},
		{"a server's own protocol stays", with(block{"servers": []any{block{"host": "a"}, block{"host": "b", "protocol": "mqtt"}}}),
			[]string{"ssl://a:8883", "tcp://b:1883"}},
	} {
		if got := load(t, write(t, least(block{"mqttConfig": rule.mqtt}))).MQTT.Servers; !reflect.DeepEqual(got, rule.want) {
			t.Errorf("%s: got %q want %q", rule.name, got, rule.want)
		}
	}
}
