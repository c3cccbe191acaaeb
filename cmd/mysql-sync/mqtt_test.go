package main_test

import (
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

type (
	mqttClient  = mqtt.Client
	mqttMessage = mqtt.Message
)

// reconnected returns a client with a connection: Mosquitto may close that of one that publishes
// without permission.
func reconnected(t *testing.T, b *testkit.Broker, c mqtt.Client) mqtt.Client {
	t.Helper()
	o := c.OptionsReader()
	c.Disconnect(100)
	return testkit.MQTTClient(t, b, o.ClientID())
}

// done waits for the broker's answer.
func done(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(30 * time.Second) {
		t.Fatal("the broker did not answer")
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}

// subscribe writes messages to a channel, with their topics.
func subscribe(t *testing.T, c mqtt.Client, filter string, heard chan<- string) {
	t.Helper()
	done(t, c.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { heard <- m.Topic() + " " + string(m.Payload()) }))
}

func publish(t *testing.T, c mqtt.Client, topic, message string) {
	t.Helper()
	done(t, c.Publish(topic, 1, false, message))
}
