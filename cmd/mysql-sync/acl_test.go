package main_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// logins are the users of a broker whose ACL the command generates.
var logins = map[string]string{"node-a": "one", "node-b": "two", "mallory": "three", "watcher": "four"}

// guarded starts a broker with the ACL that the command prints for node-a, node-b and mallory. The
// login watcher reads everything: what it receives was allowed.
func guarded(t *testing.T, flags ...string) *testkit.Broker {
	t.Helper()
	code, acl, said := testkit.Output(t, append([]string{"acl", "--client", "node-a", "--client", "node-b", "--client", "mallory"}, flags...)...)
	if code != 0 {
		t.Fatalf("acl: exit code %d: %s", code, said)
	}
	return testkit.Mosquitto(t, testkit.MosquittoOptions{Users: logins, ACLText: acl + "\nuser watcher\ntopic readwrite #\n"})
}

func login(name string) map[string]any {
	return map[string]any{"username": name, "password": logins[name]}
}

// two starts two nodes at a broker with logins and makes them replicate.
func two(t *testing.T, b *testkit.Broker) (a, c *testkit.Site) {
	t.Helper()
	with := func(name string) map[string]any {
		m := login(name)
		m["host"], m["port"], m["protocol"] = b.Host, b.Port, "tcp"
		return map[string]any{"mqttConfig": m}
	}
	a = newSite(t, b, "node-a", []string{"node-b"}, with("node-a"), orders)
	c = newSite(t, b, "node-b", []string{"node-a"}, with("node-b"), orders)
	a.Start()
	c.Start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT name FROM orders WHERE id = 1`, `"one"`)
	c.Exec(`UPDATE orders SET name = 'uno' WHERE id = 1`)
	a.Expect(`SELECT name FROM orders WHERE id = 1`, `"uno"`)
	return a, c
}

func TestTheGeneratedACLLetsNodesReplicateAndNobodyPose(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--no-version-1"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			b := guarded(t, flags...)
			a, _ := two(t, b)
			if out := a.Run(0, "verify"); !strings.Contains(out, "equal, 1 row\n") {
				t.Errorf("verify printed\n%s", out)
			}

			// What mallory writes as itself gets through; as node-a it does not.
			heard := make(chan string, 1000)
			watcher := testkit.MQTTClient(t, b, "watcher")
			for _, kind := range []string{"/batch/node-b/+", "/ack/node-b/+", "/verify/node-b/+", "/node/+", "/change/node-b", "/info/node-b"} {
				subscribe(t, watcher, kind, heard)
			}
			mallory := testkit.MQTTClient(t, b, "mallory")
			passes := func(topic string) bool {
				t.Helper()
				mallory = reconnected(t, b, mallory)
				publish(t, mallory, topic, "forged")
				mallory = reconnected(t, b, mallory)
				publish(t, mallory, "/verify/node-b/mallory", "end of "+topic) // so is the positive control
				for got := range heard {
					switch got {
					case topic + " forged":
						return true
					case "/verify/node-b/mallory end of " + topic:
						return false
					}
				}
				return false
			}
			for _, topic := range []string{"/batch/node-b/mallory", "/ack/node-b/mallory", "/node/mallory"} {
				if !passes(topic) {
					t.Errorf("mallory cannot write its own topic %s", topic)
				}
			}
			for _, topic := range []string{"/batch/node-b/node-a", "/ack/node-b/node-a", "/verify/node-b/node-a", "/node/node-a"} {
				if passes(topic) {
					t.Errorf("mallory writes %s", topic)
				}
			}
			for _, topic := range []string{"/change/node-b", "/info/node-b"} {
				if passes(topic) != (flags == nil) {
					t.Errorf("with %v mallory can write the version 1 topic %s: %t", flags, topic, flags != nil)
				}
			}

			// Nor can it read others' messages.
			stolen := make(chan string, 1000)
			mallory = reconnected(t, b, mallory)
			for _, filter := range []string{"/batch/+/+", "/change/+", "/info/+", "/ack/+/+", "/verify/+/+", "#"} {
				mallory.Subscribe(filter, 1, nil).Wait() // may be refused
			}
			mallory.AddRoute("#", func(_ mqttClient, m mqttMessage) { stolen <- m.Topic() })
			for _, topic := range []string{"/batch/node-b/node-a", "/change/node-b", "/info/node-b", "/ack/node-b/node-a", "/verify/node-b/node-a"} {
				publish(t, watcher, topic, "secret")
			}
			publish(t, watcher, "/verify/mallory/watcher", "for mallory") // the positive control
			for topic := range stolen {
				if topic == "/verify/mallory/watcher" {
					break
				}
				if topic != "/info" && !strings.HasPrefix(topic, "/node/") && !strings.HasPrefix(topic, "/here/") {
					t.Errorf("mallory reads %s", topic)
				}
			}
		})
	}
}

func TestACLUsesTheLoginsOfConfigurations(t *testing.T) {
	t.Parallel()
	b := &testkit.Broker{Host: "127.0.0.1", Port: 1883}
	one := newSite(t, b, "node-a", []string{"node-b"}, map[string]any{"topicPrefix": "acme", "mqttConfig": map[string]any{"host": "broker", "username": "branch one"}})
	two := newSite(t, b, "node-b", []string{"node-a"}, nil)
	code, out, said := testkit.Output(t, "acl", one.File, two.File, "--client", "node-c=c-login")
	if code != 0 {
		t.Fatal(said)
	}
	has(t, out, "\nuser branch one\ntopic readwrite acme/info\n", "\ntopic write acme/batch/+/node-a\n", "\nuser node-b\ntopic readwrite /info\n",
		"\nuser c-login\n", "\ntopic read /batch/node-c/+\n")
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{nil, "name the clients"},
		{[]string{"--client", "a/#"}, "is not 2 to 32 letters"},
		{[]string{"--client", "node-x=a\nuser node-a"}, "is not allowed in an ACL file"},
		{[]string{"--client", "node-x=same", "--client", "node-y=same"}, "give each its own"},
		{[]string{"--client", "node-x", "--topic-prefix", "a/+"}, "--topic-prefix"},
		{[]string{two.File, "--client", "node-b"}, "is also in"},
	} {
		code, out, said := testkit.Output(t, append([]string{"acl"}, wrong.args...)...)
		if code != 2 || out != "" {
			t.Errorf("acl %q: exit code %d, output %s", wrong.args, code, out)
		}
		has(t, said, wrong.says)
	}
}
