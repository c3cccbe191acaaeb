package testkit_test

import (
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestNATSCarriesMessagesFromServerToServer(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{})
	alpha, beta := testkit.MQTTClient(t, b, "alpha"), testkit.MQTTClient(t, b, "beta")
	carry(t, alpha, beta, "/change/beta", "hello")
	b.Kill()
	b.Start()
	carry(t, testkit.MQTTClient(t, b, "delta"), testkit.MQTTClient(t, b, "gamma"), "/info", "again")
}

func TestNATSKeepsClientsApart(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{ACL: true})
	mine := testkit.MQTTClient(t, b, "node-a")
	got := subscribe(t, mine, "/ack/node-a/+")
	forger := testkit.MQTTClient(t, b, "node-b")
	forger.Publish("/ack/node-a/node-a", 1, false, "forged").WaitTimeout(30 * time.Second)
	publish(t, testkit.MQTTClient(t, b, "node-b"), "/ack/node-a/node-b", "true")
	if payload := receive(t, got); payload != "true" {
		t.Errorf("received %q, want only the true one", payload)
	}
	token := testkit.MQTTClient(t, b, "node-b").Subscribe("/ack/node-a/+", 1, nil)
	token.WaitTimeout(30 * time.Second)
	if answer := token.(*mqtt.SubscribeToken).Result()["/ack/node-a/+"]; answer != 0x80 {
		t.Errorf("node-b may read node-a's messages: the answer is %#x", answer)
	}
}

func TestTheBrokerInANodeCarriesMessages(t *testing.T) {
	t.Parallel()
	b := testkit.Embedded(t, nil)
	alpha, beta := testkit.MQTTClient(t, b, "alpha"), testkit.MQTTClient(t, b, "beta")
	carry(t, alpha, beta, "/change/beta", "hello")
}
