package daemon_test

import (
	"strings"
	"sync"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// tap counts what passes the broker.
type tap struct {
	mu     sync.Mutex
	topics []string
}

func newTap(t *testing.T, b *testkit.Broker) *tap {
	t.Helper()
	x := &tap{}
	token := testkit.MQTTClient(t, b, "tap").Subscribe("#", 0, func(_ mqtt.Client, m mqtt.Message) {
		x.mu.Lock()
		x.topics = append(x.topics, m.Topic())
		x.mu.Unlock()
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	return x
}

// count returns how many messages there were on topics that begin so.
func (x *tap) count(prefix string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for _, topic := range x.topics {
		if strings.HasPrefix(topic, prefix) {
			n++
		}
	}
	return n
}
