package testkit_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// passwords are the logins of a broker that restricts each to a client's topics; NATS has them in its shipped file.
var passwords = testkit.NATSUsers

// A stranger with a valid login, node-b, that is none of the nodes that write to each other: it
// hears nothing that is not for it, and nothing that it sends is taken for another's. This holds
// for each broker shipped with a configuration that restricts logins.
func TestStrangerWithALoginHearsAndForgesNothing(t *testing.T) {
	for name, start := range map[string]func(testkit.TB) *testkit.Broker{
		"mosquitto/acl.conf": func(tb testkit.TB) *testkit.Broker {
			return testkit.Mosquitto(tb, testkit.MosquittoOptions{Users: passwords, ACL: true})
		},
		"mysql-sync acl": func(tb testkit.TB) *testkit.Broker {
			text := wire.MosquittoACL([]wire.Account{{Client: "node-a", Login: "node-a"}, {Client: "node-b", Login: "node-b"}}, true)
			return testkit.Mosquitto(tb, testkit.MosquittoOptions{Users: passwords, ACLText: text})
		},
		"mosquitto/tls.conf": func(tb testkit.TB) *testkit.Broker {
			return testkit.Mosquitto(tb, testkit.MosquittoOptions{Users: passwords, ACL: true, TLS: true})
		},
		"deploy/nats/acl.conf": func(tb testkit.TB) *testkit.Broker { return testkit.NATS(tb, testkit.NATSOptions{ACL: true}) },
		"broker.users":         func(tb testkit.TB) *testkit.Broker { return testkit.EmbeddedACL(tb, passwords) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			s := &stranger{t: t, b: b}
			node := as(t, b, "node-a", "mysql-sync-node-a", true)
			heard := make(chan string, 100)
			for _, filter := range wire.Topics("").Subscriptions("node-a") {
				wait(t, node.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { heard <- m.Topic() + " " + string(m.Payload()) }))
			}
			s.listen()
			s.takeOver()
			forged := s.forge()
			s.listenOnNATS()
			s.joinNATS()
			for _, topic := range append(written("node-c", "node-a"), written("node-a", "node-a")...) { // the latter are delivered
				wait(t, node.Publish(topic, 1, false, "secret"))
			}
			publish(t, as(t, b, "node-b", "true", true), "/batch/node-a/node-b", "true")
			publish(t, node, "/info", "end")
			for ended, true_ := false, false; !ended || !true_; {
				switch got := receive(t, heard); {
				case strings.HasSuffix(got, " secret"), strings.Contains(got, testkit.BrokerNode): // one broker is a node, which has its own presence
				case got == "/info end":
					ended = true
				case got == "/batch/node-a/node-b true":
					true_ = true
				default:
					t.Errorf("node-a received %q, of %q", got, forged)
				}
			}
			s.heardNothing()
		})
	}
}

// written are the topics on which one client writes to another.
func written(target, sender string) []string {
	t := wire.Topics("")
	return []string{t.BatchOf(target, sender), t.AckOf(target, sender), t.VerifyOf(target, sender), t.ChangeOf(target), t.InfoOf(target)}
}

// options are those of a client with a login.
func options(b *testkit.Broker, user, id string) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID(id).SetUsername(user).SetPassword(passwords[user]).
		SetConnectTimeout(30 * time.Second).SetAutoReconnect(false)
	if b.Certs != nil {
		o.SetTLSConfig(b.Certs.Client())
	}
	return o
}

// as connects a client with a login.
func as(t *testing.T, b *testkit.Broker, user, id string, clean bool) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(options(b, user, id).SetCleanSession(clean))
	wait(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// stranger tries everything that it must not.
type stranger struct {
	t    *testing.T
	b    *testkit.Broker
	many int // connections

	mu    sync.Mutex
	heard []string // what is not for it
}

func (s *stranger) id() string {
	s.many++
	return fmt.Sprint("stranger-", s.many)
}

// hear records what arrived on a filter.
func (s *stranger) hear(filter string) mqtt.MessageHandler {
	return func(_ mqtt.Client, m mqtt.Message) {
		if strings.Contains(string(m.Payload()), "secret") {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.heard = append(s.heard, filter+": "+m.Topic())
		}
	}
}

// listen subscribes to everything that may carry node-c's messages, on another connection whenever the broker closes one for it.
func (s *stranger) listen() {
	filters := []string{"#", "/#", "+/#", "+/+/+/+", "/+/+", "/+/node-c", "$SYS/#", "$MQTT/#", "$MQTT/sub/#", "$MQTT/msgs/#", "$JS/#", "$share/x/#", "$share/x/batch/+/+", "/batch/#", "/batch/+/+"}
	var c mqtt.Client
	for _, filter := range append(filters, written("node-c", "node-a")...) {
		if c == nil || !c.IsConnectionOpen() {
			c = as(s.t, s.b, "node-b", s.id(), true)
		}
		c.Subscribe(filter, 1, s.hear(filter)).WaitTimeout(10 * time.Second)
	}
}

// takeOver connects under the name of another's session and reads what waits in it.
func (s *stranger) takeOver() {
	c := as(s.t, s.b, "node-a", "session", false)
	wait(s.t, c.Subscribe("/ack/node-a/+", 1, nil))
	c.Disconnect(250)
	publish(s.t, as(s.t, s.b, "node-a", s.id(), true), "/ack/node-a/node-a", "secret")
	o := options(s.b, "node-b", "session").SetCleanSession(false).SetDefaultPublishHandler(s.hear("a session of node-a"))
	mqtt.NewClient(o).Connect().WaitTimeout(10 * time.Second) // A broker that refuses it is just as good.
}

// forge publishes in the names of others, also retained and as a will, and returns the topics.
func (s *stranger) forge() (topics []string) {
	topics = append(written("node-a", "node-c")[:3], written("node-a", "node-a")[:3]...)
	topics = append(topics, "/node/node-a", "/node/node-c", "/node/node-a/x", "$MQTT/sub/x")
	for _, topic := range topics {
		for _, kept := range []bool{false, true} {
			c := as(s.t, s.b, "node-b", s.id(), true)
			c.Publish(topic, 1, kept, "forged").WaitTimeout(10 * time.Second)
			c.Disconnect(250)
		}
		s.dieWithWill(topic)
	}
	return topics
}

// dieWithWill ends a connection without DISCONNECT.
func (s *stranger) dieWithWill(topic string) {
	s.t.Helper()
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession, hello.ClientIdentifier = "MQTT", 4, true, s.id()
	hello.UsernameFlag, hello.PasswordFlag, hello.Username, hello.Password = true, true, "node-b", []byte(passwords["node-b"])
	hello.WillFlag, hello.WillQos, hello.WillTopic, hello.WillMessage = true, 1, topic, []byte("forged")
	conn, err := s.b.Dial()
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := hello.Write(conn); err != nil {
		s.t.Fatal(err)
	}
	_, _ = packets.ReadPacket(conn) // A broker that refuses it is just as good.
}

// listenOnNATS speaks NATS's own protocol at its own port.
func (s *stranger) listenOnNATS() {
	for _, server := range s.b.Cluster {
		conn, err := net.Dial("tcp", net.JoinHostPort(server.Host, strconv.Itoa(server.NATSPort)))
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = conn.Close() })
		login, err := json.Marshal(map[string]any{"user": "node-b", "pass": passwords["node-b"], "verbose": false})
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(conn, "CONNECT %s\r\n", login)
		for i, subject := range []string{">", "$MQTT.sub.>", "$MQTT.>", "$MQTT.msgs.>", "/.>", "/.ack.node-c.*", "$JS.>", "_INBOX.>"} {
			fmt.Fprintf(conn, "SUB %s %d\r\n", subject, i+1)
		}
		fmt.Fprintf(conn, "PUB /.batch.node-a.node-c 6\r\nforged\r\nPING\r\n")
		lines := bufio.NewScanner(conn)
		for lines.Scan() && lines.Text() != "PONG" {
		}
		go func() {
			for lines.Scan() {
				if strings.Contains(lines.Text(), "secret") {
					s.mu.Lock()
					s.heard = append(s.heard, "NATS's own port: "+lines.Text())
					s.mu.Unlock()
				}
			}
		}()
	}
}

// joinNATS connects as a server of the cluster would, which hears everything.
func (s *stranger) joinNATS() {
	for _, server := range s.b.Cluster {
		for _, login := range []string{"", `"user":"node-b","pass":"` + passwords["node-b"] + `",`} {
			conn, err := net.Dial("tcp", net.JoinHostPort(server.Host, strconv.Itoa(server.RoutePort)))
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(conn, "CONNECT {%s\"name\":\"NEW\",\"cluster\":\"mysql-sync\"}\r\n", login)
			fmt.Fprint(conn, "INFO {\"server_id\":\"NEW\",\"server_name\":\"new\",\"cluster\":\"mysql-sync\",\"headers\":true}\r\nRS+ $G >\r\nPING\r\n")
			var said string
			for lines := bufio.NewScanner(conn); !strings.HasPrefix(said, "PONG") && lines.Scan(); {
				said = lines.Text()
			}
			_ = conn.Close()
			if !strings.Contains(said, "Authorization Violation") {
				s.t.Errorf("a server without the cluster's password got %q", said)
			}
		}
	}
}

// heardNothing fails if it has heard what is not for it.
func (s *stranger) heardNothing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, what := range s.heard {
		s.t.Error("the stranger heard ", what)
	}
}
