package node_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// tap counts the messages at the broker.
type tap struct {
	t       *testing.T
	markers []mqtt.Client // one per server

	mu     sync.Mutex
	topics []string
}

// taps counts them: two clients with one identifier disconnect each other.
var taps atomic.Int64

// mark is what a tap publishes itself.
const mark = "tap/mark"

func newTap(t *testing.T, b *testkit.Broker) *tap {
	t.Helper()
	client := testkit.MQTTClient(t, b, fmt.Sprintf("tap-%d", taps.Add(1))) // an earlier one may still be connected
	x := &tap{t: t, markers: []mqtt.Client{client}}
	for _, server := range b.Cluster {
		x.markers = append(x.markers, testkit.MQTTClient(t, server, fmt.Sprintf("tap-%d", taps.Add(1))))
	}
	token := client.Subscribe("#", 0, func(_ mqtt.Client, m mqtt.Message) {
		topic := m.Topic()
		if strings.HasSuffix(topic, "/"+testkit.BrokerNode) || bytes.Contains(m.Payload(), []byte(`"sender":"`+testkit.BrokerNode+`"`)) {
			topic = "not of the test's nodes: " + topic
		}
		x.mu.Lock()
		x.topics = append(x.topics, topic)
		x.mu.Unlock()
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	return x
}

// count returns how many messages there were on topics with a prefix. What the broker has delivered to others by now is
// included: the tap gets it before whatever is published next, in a cluster at the same server.
func (x *tap) count(prefix string) int {
	x.t.Helper()
	marks := func() int {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.number(mark)
	}
	want := marks() + len(x.markers)
	for _, c := range x.markers {
		if token := c.Publish(mark, 0, false, "x"); token.Wait() && token.Error() != nil {
			x.t.Fatal(token.Error())
		}
	}
	testkit.Eventually(x.t, "the tap", func() error {
		if missing := want - marks(); missing > 0 {
			return fmt.Errorf("%d of its marks are missing", missing)
		}
		return nil
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.number(prefix)
}

// number counts what has arrived; the caller holds mu.
func (x *tap) number(prefix string) int {
	n := 0
	for _, topic := range x.topics {
		if strings.HasPrefix(topic, prefix) {
			n++
		}
	}
	return n
}
