package check_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// with returns a copy of a site's configuration with another block.
func (s *site) with(key string, block map[string]any) *site {
	other := *s.Site
	other.Config, other.File = maps.Clone(s.Config), ""
	other.Config[key] = block
	return &site{&other, s.t}
}

// TestAWrongProtocolOrPortIsReported also checks that our broker and others are reported alike.
func TestAWrongProtocolOrPortIsReported(t *testing.T) {
	t.Parallel()
	plain := testkit.Mosquitto(t, testkit.MosquittoOptions{Websockets: true})
	secure := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, Websockets: true})
	closed := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, RequireClientCert: true})
	own := testkit.Embedded(t, nil)
	cluster := testkit.NATS(t, testkit.NATSOptions{})
	server := testkit.Shared(t)
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	u, err := url.Parse(page.URL)
	if err != nil {
		t.Fatal(err)
	}
	web, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, server, plain, orders)
	var wg sync.WaitGroup
	for _, at := range []struct {
		name   string
		port   int
		speaks string // "": not a broker
	}{
		{"Mosquitto", plain.Port, "mqtt"}, {"Mosquitto's websockets", plain.WebsocketPort, "ws"}, {"Mosquitto with TLS", secure.Port, "mqtts"},
		{"Mosquitto's websockets with TLS", secure.WebsocketPort, "wss"}, {"Mosquitto that requires certificates", closed.Port, "mqtts"},
		{"our own broker", own.Port, "mqtt"}, {"NATS", cluster.Port, "mqtt"}, {"a database server", server.Port, ""}, {"a web server", web, ""},
	} {
		for _, given := range []string{"mqtt", "mqtts", "ws", "wss"} {
			if given == at.speaks || at.port == closed.Port && strings.HasPrefix(given, "ws") {
				continue
			}
			wg.Go(func() {
				about := fmt.Sprintf("127.0.0.1:%d", at.port)
				f := s.with("mqttConfig", map[string]any{"host": given + "://" + about, "rejectUnauthorized": false, "connectTimeout": 3000}).check(1)
				parts := []string{"answers there", "must be " + at.speaks + " ", `Set mqttConfig.protocol to "` + at.speaks + `"`}
				if at.speaks == "" {
					parts = []string{"answers there", "not an MQTT broker", "Correct mqttConfig.host, port or path"}
				}
				f.has(finding.Mistake, about, parts...)
				if len(f.in(finding.Mistake, check.AreaBroker)) != 1 || strings.Contains(f.text, "network Error") {
					t.Errorf("%s to %s:\n%s", given, at.name, f.text)
				}
			})
		}
	}
	for name, port := range map[string]int{"MQTT": plain.Port, "MQTT with TLS": secure.Port, "the web": web, "NATS": cluster.Port} {
		wg.Go(func() {
			block := map[string]any{"host": "127.0.0.1", "port": port, "user": "u", "database": "d", "connectTimeout": 2000}
			f := s.with("mysqlConfig", block).check(1)
			f.has(finding.Mistake, "mysqlConfig", "does not behave like a MySQL or MariaDB server: check mysqlConfig.host and port")
			if t.Failed() {
				t.Log("the database's port is one of", name)
			}
		})
	}
	wg.Wait()
}

func TestCertificateProblemsNameTheirKey(t *testing.T) {
	t.Parallel()
	secure := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, Websockets: true})
	closed := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, RequireClientCert: true})
	others, c := testkit.Certs(t), testkit.Certs(t)
	server := testkit.Shared(t)
	if server.Flavour == testkit.FlavourMariaDB { // MySQL generated its own certificates
		server = testkit.Server(t, "--ssl-cert="+c.ServerCert, "--ssl-key="+c.ServerKey, "--ssl-ca="+c.CA)
	}
	s := newSite(t, server, secure, orders)
	for _, x := range []struct {
		about, server string
		keys          map[string]any
		want          string
	}{
		{secure.Addr(), "mqtts://" + secure.Addr(), nil, "name the authority's file in mqttConfig.ca"},
		{secure.Addr(), "mqtts://" + secure.Addr(), map[string]any{"ca": others.CA}, "another authority than that of mqttConfig.ca"},
		{secure.Addr(), fmt.Sprintf("wss://127.0.0.1:%d", secure.WebsocketPort), nil, "name the authority's file in mqttConfig.ca"},
		{closed.Addr(), "mqtts://" + closed.Addr(), map[string]any{"ca": closed.Certs.CA}, "wants a certificate of this node (mqttConfig.cert and key)"},
		{closed.Addr(), "mqtts://" + closed.Addr(), map[string]any{"ca": closed.Certs.CA, "cert": others.ClientCert, "key": others.ClientKey}, "does not take this node's certificate"},
	} {
		block := map[string]any{"host": x.server}
		maps.Copy(block, x.keys)
		about := strings.TrimPrefix(strings.TrimPrefix(x.server, "mqtts://"), "wss://")
		with := s.with("mqttConfig", block)
		f := with.check(1)
		// In TLS 1.3 the broker says so after the handshake: its message may be lost when it closes the connection.
		for try := 0; try < 50 && (strings.Contains(f.text, "connection reset by peer") || strings.Contains(f.text, "broken pipe")); try++ {
			f = with.check(1)
		}
		f.has(finding.Mistake, about, x.want)
	}
	for _, x := range []struct {
		host string
		ssl  map[string]any
		want string
	}{
		{"127.0.0.1", map[string]any{}, "name the authority's file in mysqlConfig.ssl.ca"},
		{"127.0.0.1", map[string]any{"ca": others.CA}, "another authority than that of mysqlConfig.ssl.ca"},
	} {
		block := map[string]any{"host": x.host, "port": server.Port, "user": server.User, "password": server.Password, "database": s.Schema, "ssl": x.ssl}
		if server.Flavour == testkit.FlavourMySQL { // without a name, whatever their authority
			x.want = "for other names than mysqlConfig.host, or for none"
		}
		s.with("mysqlConfig", block).check(1).has(finding.Mistake, "mysqlConfig", x.want)
	}
}

func TestMisspelledNamesGetASuggestion(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"someone": "secret-1"}, ACL: true})
	s := newSite(t, testkit.Shared(t), b, orders, `CREATE TABLE customers (id INT PRIMARY KEY)`, `CREATE VIEW seen AS SELECT * FROM orders`)
	block := map[string]any{}
	maps.Copy(block, s.Block("mysqlConfig"))
	block["database"] = strings.Replace(s.Schema, "_", "-", 1) + "x"
	s.with("mysqlConfig", block).check(1).has(finding.Mistake, "mysqlConfig", "did you mean the database test_")

	s.Config["syncTables"], s.Config["receiveTables"] = []string{"order", "Customers", "nothing_like_it", "seen"}, []string{"orders"}
	s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = "someone", "secret-1"
	f := s.check(1)
	f.has(finding.Mistake, "order", "the table does not exist", "did you mean orders?")
	f.has(finding.Mistake, "Customers", "did you mean customers?")
	f.has(finding.Mistake, "nothing_like_it", "the table does not exist in database "+s.Schema+" →")
	f.has(finding.Mistake, "seen", "it is a view", "Sync the tables that it shows.")
	f.has(finding.Mistake, b.Addr(), `The login "someone" differs from clientName, "node-a"`)

	// The node says the same when it starts.
	n := testkit.Command(t, "run", s.Write())
	out, _ := n.CombinedOutput() // it exits with an error
	if !strings.Contains(string(out), "did you mean orders?") {
		t.Errorf("on start:\n%s", out)
	}
}
