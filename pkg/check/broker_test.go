package check_test

import (
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const topics = wire.Topics("")

// login gives the node a login at the broker.
func (s *site) login(user, password string) {
	s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = user, password
}

func TestUnreachableBroker(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"node-a": "right"}})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.login("node-a", "Secret-4")
	f := s.check(1)
	f.has(finding.Mistake, b.Addr(), "refused", "Correct mqttConfig.username")
	f.has(finding.Right, "orders", "sent and received")
	if strings.Contains(f.text, "Secret-4") {
		t.Errorf("the password is in the output:\n%s", f.text)
	}
	s.login("node-a", "right")
	s.check(0).has(finding.Right, b.Addr(), `"node-a" works`)
	b.Stop()
	f = s.check(1)
	f.has(finding.Mistake, b.Addr(), "connect", "Check that the broker is running")
	f.has(finding.Right, "orders", "sent and received")

	// Each of several brokers is tried.
	other := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s.Config["mqttConfig"] = map[string]any{"servers": []map[string]any{{"host": b.Host, "port": b.Port}, {"host": other.Host, "port": other.Port}}}
	f = s.check(1)
	f.has(finding.Mistake, b.Addr(), "connect")
	f.has(finding.Right, other.Addr(), "without a login works")
	f.has(finding.Right, other.Addr(), "120 KiB")

	// An embedded broker runs with the node.
	delete(s.Config, "mqttConfig")
	s.Config["broker"] = map[string]any{"listen": b.Addr()}
	s.check(0).has(finding.Right, b.Addr(), "the node's embedded broker")
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.Block("mqttConfig")["protocol"] = "mqtts"
	s.check(1).has(finding.Mistake, b.Addr(), "certificate")
	s.Block("mqttConfig")["ca"] = b.Certs.CA
	s.check(0).has(finding.Right, b.Addr(), "without a login works")
}

// TestAccessRulesThatDeny has rules that omit some of a node's topics. Mosquitto acknowledges what
// it denies.
func TestAccessRulesThatDeny(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"node-a": "secret-a"}, ACLText: `
pattern read /info
pattern read /info/%u
pattern write /info/+
pattern read /node/+
pattern write /change/+
pattern write /ack/+/%u
pattern read /verify/%u/+
pattern write /verify/+/%u
`})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.login("node-a", "secret-a")
	f := s.check(1, "--listen", "4s")
	for _, topic := range []string{topics.Info(), topics.AckOf("node-a", "node-a"), topics.BatchOf("node-a", "node-a"), topics.NodeOf("node-a")} {
		f.has(finding.Mistake, b.Addr(), "messages on "+topic+" are accepted but do not come back", "acl.txt")
	}
	if n := len(f.in(finding.Mistake, check.AreaBroker)); n != 4 {
		t.Errorf("%d mistakes:\n%s", n, f.text)
	}
	f.has(finding.Warning, b.Addr(), "messages on "+topics.ChangeOf("node-a"), "version 1")
	f.has(finding.Warning, b.Addr(), "messages on "+topics.HereOf("node-a"), "over /info instead")
	f.has(finding.Right, b.Addr(), "120 KiB")
}

// What mysql-sync acl --no-version-1 omits is not a mistake.
func TestAccessRulesWithoutVersion1(t *testing.T) {
	t.Parallel()
	rules := wire.MosquittoACL([]wire.Account{{Client: "node-a", Login: "node-a"}}, false)
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"node-a": "secret-a"}, ACLText: rules})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.login("node-a", "secret-a")
	f := s.check(0, "--listen", "4s")
	f.has(finding.Warning, b.Addr(), "messages on "+topics.InfoOf("node-a"), "version 1")
	f.has(finding.Warning, b.Addr(), "messages on "+topics.ChangeOf("node-a"), "version 1")
}

func TestBrokerWithASmallMessageLimit(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"message_size_limit 100000"}})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.check(1).has(finding.Mistake, b.Addr(), "120 KiB do not get through, those of 60 KiB do", "message_size_limit")
}

// TestOtherClientsAreChecked has a client that poses as node-a, and remotes whose clocks, tables
// and protocol are wrong.
func TestOtherClientsAreChecked(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, orders)
	s.Config["remoteClients"] = []string{"node-b", "node-c", "node-d", "node-e"}
	client := testkit.MQTTClient(t, b, "someone")
	publish := func(topic string, retain bool, payload []byte) {
		if token := client.Publish(topic, 1, retain, payload); token.Wait() && token.Error() != nil {
			t.Error(token.Error())
		}
	}
	publish(topics.NodeOf("node-b"), true, wire.Node{Client: "node-b", Protocol: 2, Version: "1.2.3", ReceiveTables: []string{"items"}}.Encode())
	publish(topics.NodeOf("node-d"), true, wire.Node{Client: "node-d", Protocol: 2, Version: "0.9.0", ReceiveTables: []string{"orders"}}.Encode())
	publish(topics.NodeOf("node-e"), true, []byte("\x00nonsense"))
	said := make(chan string, 100)
	client.Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case said <- m.Topic():
		default:
		}
	}).Wait()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for sender, ahead := range map[string]time.Duration{"node-a": 0, "node-b": time.Hour, "node-c": -time.Hour} {
				publish(topics.Info(), false, wire.Info{Sender: sender, Message: wire.Connected, Until: time.Now().Add(ahead + 3200*time.Millisecond)}.Encode())
			}
			select {
			case <-stop:
				return
			case <-time.After(2100 * time.Millisecond):
			}
		}
	}()
	f := s.check(1, "--listen", "6s")
	close(stop)
	<-done
	f.has(finding.Mistake, "clientName", "a client named node-a is online", "its own clientName")
	f.has(finding.Right, "node-b", "is online: version 1.2.3, protocol 2")
	f.has(finding.Warning, "node-b", "does not accept orders", "receiveTables there")
	f.has(finding.Warning, "node-b", "does not answer node-a", "acceptFrom")
	f.has(finding.Warning, "node-b", "ahead of")
	f.has(finding.Right, "node-c", "version 1 of the protocol")
	f.has(finding.Warning, "node-c", "behind")
	f.has(finding.Warning, "node-d", "is offline", "0.9.0")
	f.has(finding.Warning, "node-e", "was not heard")
	// A client with this name is online; check must not publish for it.
	for len(said) > 0 {
		if topic := <-said; topic == topics.BatchOf("node-a", "node-a") || topic == topics.NodeOf("node-a") || strings.HasPrefix(topic, "/change") {
			t.Errorf("the check wrote to %s", topic)
		}
	}
}

// TestAccessRulesThatBlockARemote has rules under which all of this client's topics work but a
// remote's do not: its rows would be acknowledged and dropped.
func TestAccessRulesThatBlockARemote(t *testing.T) {
	t.Parallel()
	rules := func(rows string) string {
		return `
pattern readwrite /info
pattern write /node/%u
pattern read /node/+
pattern write /here/%u
pattern read /here/+
pattern read /batch/%u/+
pattern read /ack/%u/+
pattern write /ack/+/%u
pattern read /verify/%u/+
pattern write /verify/+/%u
` + rows
	}
	for rule, c := range map[string]struct {
		rows string
		code int
	}{
		"rows of node-a are denied": {"pattern write /batch/%u/%u\npattern write /batch/node-a/%u\n", 1},
		"rows of node-a go":         {"pattern write /batch/+/%u\n", 0},
	} {
		b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"node-a": "secret-a", "node-b": "secret-b"}, ACLText: rules(c.rows)})
		s, other := newSite(t, testkit.Shared(t), b, orders), newSite(t, testkit.Shared(t), b, orders)
		s.login("node-a", "secret-a")
		other.login("node-b", "secret-b")
		other.Config["clientName"], other.Config["remoteClients"] = "node-b", []string{"node-a"}
		node := other.start()
		f := s.check(c.code, "--listen", "20s")
		if c.code == 0 {
			f.has(finding.Right, "node-b", "accepts batches from node-a")
			f.has(finding.Right, b.Addr(), topics.InfoOf("node-a"), "which no remote speaks")
		} else {
			f.has(finding.Mistake, "node-b", "no batches", topics.BatchOf("node-b", "node-a"), topics.AckOf("node-a", "node-b"))
		}
		for _, line := range node.Log() {
			if strings.Contains(line, "\tWARN\t") || strings.Contains(line, "\tERROR\t") {
				t.Errorf("%s: the node was disturbed: %s", rule, line)
			}
		}
		if t.Failed() {
			t.Log(f.text)
		}
	}
}

// TestARemoteThatDoesNotAcceptThisClient knows it, but accepts none of its rows.
func TestARemoteThatDoesNotAcceptThisClient(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s, other := newSite(t, testkit.Shared(t), b, orders), newSite(t, testkit.Shared(t), b, orders)
	other.Config["clientName"], other.Config["remoteClients"], other.Config["acceptFrom"] = "node-b", []string{"node-a"}, []string{"node-c"}
	other.start()
	s.check(1, "--listen", "20s").has(finding.Mistake, "node-b", "no batches", "acceptFrom")
}
