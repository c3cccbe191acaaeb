package daemon_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// knows has a site name brokers in mqttConfig.servers, in the order in which it tries them. It must come before start.
func (s *site) knows(brokers ...*testkit.Broker) {
	m := s.block("mqttConfig")
	delete(m, "host")
	delete(m, "port")
	var servers []map[string]any
	for _, b := range brokers {
		servers = append(servers, map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp"})
	}
	m["servers"] = servers
}

// goesOn is together with the patience that a cluster needs whose servers have to choose others in the place of one.
func goesOn(t *testing.T, loads []*load) {
	t.Helper()
	for i, w := range loads {
		w.more(1)
		last, at := w.last.Load(), loads[1-i].s
		testkit.Within(t, 2*time.Minute, fmt.Sprintf("row %d at %s", last, at.name), func() error {
			got, err := at.rows(fmt.Sprintf(`SELECT MAX(id) >= %d FROM orders WHERE id < %d`, last, w.first+loadIDs))
			if err == nil && got != "1\n" {
				err = errors.New("it is not there")
			}
			return err
		})
	}
}

// TestAnnouncementIsKept: who comes later learns from the broker what a node speaks, and each node from its own start.
func TestAnnouncementIsKept(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, _ := apart(t, b)
	a.start().node.WaitLog("connected to the broker")
	kept := make(chan string, 10)
	testkit.Eventually(t, "the announcement", func() error {
		token := testkit.MQTTClient(t, b, "late").Subscribe("/node/+", 1, func(_ mqtt.Client, m mqtt.Message) {
			if m.Retained() {
				kept <- m.Topic()
			}
		})
		if token.Wait(); token.Error() != nil {
			return token.Error()
		}
		select {
		case topic := <-kept:
			if topic != "/node/node-a" {
				return fmt.Errorf("%s came", topic)
			}
			return nil
		default:
			return errors.New("nothing is kept yet")
		}
	})
}

// TestAnnouncementThatDidNotComeIsAskedFor: an existing peer has none, as if it had been lost.
func TestAnnouncementThatDidNotComeIsAskedFor(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"log_type all"}})
	a := newSite(t, b, "node-a", []string{"peer-1"}, []string{"orders"}, nil)
	a.exec(orders)
	a.start().node.WaitLog("connected to the broker")
	newPeer(t, b, "peer-1").connect()
	testkit.Eventually(t, "a second subscription", func() error {
		got := 0
		for _, line := range b.Log() {
			if strings.HasSuffix(line, "mysql-sync-node-a 1 /node/+") {
				got++
			}
		}
		if got != 2 {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
}

// TestNothingIsLostWhenServersOfAClusterAreKilled kills each of three servers of NATS under load, one after the other.
func TestNothingIsLostWhenServersOfAClusterAreKilled(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{})
	one, two, three := b.Cluster[0], b.Cluster[1], b.Cluster[2]
	a, c := apart(t, b)
	a.knows(one, two, three)
	c.knows(two, three, one)
	for _, s := range []*site{a, c} {
		s.block("mqttConfig")["clean"] = false // as docs/brokers.md says
	}
	a.start()
	c.start()
	loads := underLoad(a, c)
	for _, s := range b.Cluster {
		s.Kill()
		more(loads, 50)
		goesOn(t, loads)
		s.Start()
		goesOn(t, loads)
	}
	settle(t, []*site{a, c}, loads...)
}

// TestNodesGoToTheOtherBroker has two brokers with a bridge between them. The first dies under load and comes back, then
// the second.
func TestNodesGoToTheOtherBroker(t *testing.T) {
	t.Parallel()
	one := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	two := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"connection one", "address " + one.Addr(), "topic # both 1",
		"cleansession true", "restart_timeout 1"}})
	a, c := apart(t, one)
	a.knows(one, two)
	c.knows(two, one)
	a.start()
	c.start()
	loads := underLoad(a, c)
	for _, b := range []*testkit.Broker{one, two} {
		b.Kill()
		more(loads, 50)
		together(loads)
		b.Start()
		together(loads)
	}
	settle(t, []*site{a, c}, loads...)
}

// TestNodesOverNATSWithPermissions is what deploy/nats/acl.conf sets up.
func TestNodesOverNATSWithPermissions(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{ACL: true})
	a, c := apart(t, b)
	login(a, c)
	a.start()
	c.start()
	exchange(t, a, c)
	for _, s := range []*site{a, c} {
		s.expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, `0`)
	}
}
