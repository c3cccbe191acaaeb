package node_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// users are the nodes' logins.
var users = map[string]string{"node-a": "secret-a", "node-b": "secret-b"}

// login gives the nodes their logins.
func login(sites ...*site) {
	for _, s := range sites {
		s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = s.Name, users[s.Name]
	}
}

// exchange shows that rows travel both ways.
func exchange(t *testing.T, a, c *site) {
	t.Helper()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	c.Exec(`UPDATE orders SET name = 'back' WHERE id = 1`)
	a.Expect(`SELECT name FROM orders`, `"back"`)
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
	}
}

// TestNodesOverTLSWithPasswordsAndACL uses mosquitto/tls.conf and acl.txt, and client certificates.
func TestNodesOverTLSWithPasswordsAndACL(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, RequireClientCert: true, Users: users, ACL: true,
		Extra: []string{"log_type all"}})
	a, c := apart(t, b)
	login(a, c)
	for _, s := range []*site{a, c} {
		m := s.Block("mqttConfig")
		m["protocol"], m["ca"], m["cert"], m["key"] = "ssl", b.Certs.CA, b.Certs.ClientCert, b.Certs.ClientKey
	}
	a.start()
	c.start()
	exchange(t, a, c)
	// Rows and acks used the extension, whose topics the ACL must list too.
	used := map[string]bool{}
	testkit.Eventually(t, "all topics in the broker's log", func() error {
		for _, line := range b.Log() {
			if _, rest, sent := strings.Cut(line, "Sending PUBLISH to "); sent {
				used[strings.Split(rest, "'")[1]] = true
			}
		}
		for _, topic := range []string{"/node/node-a", "/batch/node-b/node-a", "/ack/node-a/node-b", "/batch/node-a/node-b", "/ack/node-b/node-a", "/here/node-a", "/here/node-b"} {
			if !used[topic] {
				return fmt.Errorf("nothing used %s", topic)
			}
		}
		return nil
	})
	for _, line := range b.Log() {
		if strings.Contains(line, "Denied PUBLISH") {
			t.Error(line)
		}
	}
	if used["/change/node-a"] || used["/change/node-b"] {
		t.Error("version 1 was used")
	}
}

// TestAnUntrustedCertificateEndsTheStart uses Mosquitto: it does not matter which broker shows the certificate.
func TestAnUntrustedCertificateEndsTheStart(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true})
	a, _ := apart(t, b)
	a.Block("mqttConfig")["protocol"] = "mqtts"
	a.run().expect(t, 1, "mqttConfig: ", "certificate")
	a.Block("mqttConfig")["rejectUnauthorized"] = false
	a.start().Node.WaitLog("connected to the broker")
}

// TestNodesOverWebsockets uses Mosquitto's WebSocket listener, with its ACL.
func TestNodesOverWebsockets(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Websockets: true, TLS: true, Users: users, ACL: true})
	a, c := apart(t, b)
	login(a, c)
	for _, s := range []*site{a, c} {
		m := s.Block("mqttConfig")
		m["protocol"], m["port"], m["ca"] = "wss", b.WebsocketPort, b.Certs.CA
	}
	a.start()
	c.start()
	exchange(t, a, c)
}

// TestNodesOverPlainWebsockets uses Mosquitto's WebSocket listener.
func TestNodesOverPlainWebsockets(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Websockets: true})
	a, c := apart(t, b)
	a.Block("mqttConfig")["protocol"], a.Block("mqttConfig")["port"] = "wx", b.WebsocketPort
	a.start()
	c.start()
	exchange(t, a, c)
}

// TestServersAreTriedInTurn has a first server that is down.
func TestServersAreTriedInTurn(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := apart(t, b)
	dead := testkit.NewProxy(t, b.Addr())
	dead.Cut()
	_, port, err := net.SplitHostPort(dead.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	a.Config["mqttConfig"] = map[string]any{"servers": []map[string]any{{"host": b.Host, "port": n}, {"host": b.Host, "port": b.Port}}}
	a.start()
	c.start()
	exchange(t, a, c)
}

// TestNodesOverTheEmbeddedBroker: one node runs the broker, with users, and the other carries on when it is back.
func TestNodesOverTheEmbeddedBroker(t *testing.T) {
	t.Parallel()
	port := testkit.FreePort(t)
	b := &testkit.Broker{Host: "127.0.0.1", Port: port}
	a, c := apart(t, b)
	delete(a.Config, "mqttConfig")
	a.Config["broker"] = map[string]any{"listen": fmt.Sprintf("127.0.0.1:%d", port),
		"users": []map[string]any{
			{"username": "node-b", "password": "secret-b", "client": "node-b"}, {"username": "node-a", "password": "secret-a", "client": "node-a"}}}
	for _, s := range []*site{a, c} {
		s.Config["topicPrefix"] = "acme"
	}
	login(c)
	a.start()
	c.start()
	exchange(t, a, c)

	for _, s := range []*site{a, c} {
		s.Expect(`SELECT here FROM sync_clients`, `1`) // they may use their own topics
	}
	a.Node.Kill()
	c.Exec(`INSERT INTO orders VALUES (2, 'meanwhile', 2)`)
	a.start()
	a.Expect(`SELECT name FROM orders WHERE id = 2`, `"meanwhile"`)

	c.Node.Stop()
	c.Block("mqttConfig")["password"] = "wrong"
	c.run().expect(t, 1, "mqttConfig: ")
}
