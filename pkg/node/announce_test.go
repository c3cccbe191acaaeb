package node_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// forgetful is a broker that accepts retained messages but keeps none.
type forgetful struct{ mqtt.HookBase }

func (forgetful) ID() string { return "forgetful" }
func (forgetful) Provides(b byte) bool {
	return b == mqtt.OnPublish || b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}
func (forgetful) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (forgetful) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }
func (forgetful) OnPublish(_ *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	p.FixedHeader.Retain = false
	return p, nil
}

func forgetfulBroker(t *testing.T) *testkit.Broker {
	t.Helper()
	server := mqtt.New(&mqtt.Options{InlineClient: true})
	b := &testkit.Broker{Host: "127.0.0.1", Port: testkit.FreePort(t)}
	err := errors.Join(server.AddHook(new(forgetful), nil),
		server.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: b.Addr()})), server.Serve())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return b
}

// If the broker keeps no announcements, because it drops them or closes the connection at them, nodes still meet, in
// whatever order they start, and report the reason once.
func TestNodesMeetAtABrokerWithoutRetainedMessages(t *testing.T) {
	t.Parallel()
	for name, broker := range map[string]func(*testing.T) *testkit.Broker{
		"silently": forgetfulBroker,
		"loudly": func(t *testing.T) *testkit.Broker {
			return testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"retain_available false"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := broker(t)
			names := []string{"node-a", "node-b", "node-c"}
			var sites []*site
			for _, name := range names {
				others := slices.DeleteFunc(slices.Clone(names), func(o string) bool { return o == name })
				s := newSite(t, b, name, others, []string{"orders"}, nil)
				s.Exec(orders)
				sites = append(sites, s)
			}
			meet := func() {
				t.Helper()
				for _, s := range sites {
					for _, other := range names {
						if other != s.Name {
							s.Expect(`SELECT COUNT(*) FROM sync_clients WHERE client = '`+other+`'`, `1`)
						}
					}
				}
			}
			a, c, d := sites[0], sites[1], sites[2]
			a.start()
			a.Node.WaitLog("keeps no retained messages")
			c.start()
			a.Expect(`SELECT client FROM sync_clients`, `"node-b"`)
			d.start()
			meet()
			a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
			testkit.Alike(t, `SELECT * FROM orders`, a, c, d)
			c.Node.Kill()
			a.Exec(`UPDATE orders SET amount = 2`)
			c.start()
			c.Expect(`SELECT amount FROM orders`, `"2.00"`)
			for _, s := range sites {
				s.Node.WaitLog("keeps no retained messages")
				s.Expect(testkit.Waiting, `0`)
				if n := len(slices.DeleteFunc(s.Node.Log(), func(l string) bool { return !strings.Contains(l, "keeps no retained messages") })); n > 2 { // two runs of one
					t.Errorf("%s logs it %d times, want 1", s.Name, n)
				}
				testkit.Eventually(t, "status to say it", func() error {
					if out := s.Run(0, "status"); !strings.Contains(out, "The broker keeps no retained messages") {
						return errors.New(out)
					}
					return nil
				})
			}
			if out := a.checked(); !strings.Contains(out, "keeps no retained messages") {
				t.Errorf("check printed\n%s", out)
			}
			if n := connects(a); n > 4 {
				t.Errorf("the node connected %d times", n)
			}
		})
	}
}

// checked returns what check prints, whatever it finds.
func (s *site) checked() string {
	_, out, said := testkit.Output(s.t, "check", s.File)
	return out + said
}

// connects counts a node's connections to its broker.
func connects(s *site) int {
	return len(slices.DeleteFunc(s.Node.Log(), func(l string) bool { return !strings.Contains(l, "connected to the broker") }))
}

// A deleted or overwritten announcement is restored, so that newcomers find it; but not too often, even if the attack
// goes on.
func TestARemovedAnnouncementIsPublishedAgain(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := newPair(t, b, []string{"orders"}, orders)
	a.start()
	vandal := testkit.MQTTClient(t, b, "vandal")
	var first atomic.Value
	var announced atomic.Int64 // restorations so far, not counting the first announcement
	hear := func(_ paho.Client, m paho.Message) {
		if text := string(m.Payload()); m.Retained() {
			first.CompareAndSwap(nil, text)
		} else if text == first.Load() {
			announced.Add(1)
		}
	}
	a.Node.WaitLog("connected to the broker")
	testkit.Eventually(t, "the announcement", func() error {
		if token := vandal.Subscribe("/node/node-a", 1, hear); token.Wait() && token.Error() != nil {
			return token.Error()
		}
		if first.Load() == nil {
			return errors.New("it is not there")
		}
		return nil
	})
	again := func(than int64) {
		t.Helper()
		testkit.Eventually(t, "another announcement", func() error {
			if announced.Load() <= than {
				return errors.New("there is none")
			}
			return nil
		})
	}
	for _, payload := range []string{"", "{", strings.Replace(first.Load().(string), "orders", "others", 1)} {
		before := announced.Load()
		vandal.Publish("/node/node-a", 1, true, payload).Wait()
		again(before)
	}
	before := announced.Load()
	for range 50 {
		vandal.Publish("/node/node-a", 1, true, "").Wait()
	}
	again(before)
	if n := announced.Load() - before; n > 10 {
		t.Errorf("%d announcements for 50 deletes", n)
	}
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
}
