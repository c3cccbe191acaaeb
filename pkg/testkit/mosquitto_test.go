package testkit_test

import (
	"errors"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMosquittoCarriesMessages(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]testkit.MosquittoOptions{
		"plain":               {},
		"password":            {Users: map[string]string{"alpha": "a", "beta": "b"}},
		"acl":                 {Users: map[string]string{"alpha": "a", "beta": "b"}, ACL: true},
		"tls":                 {TLS: true},
		"tls, password, acl":  {TLS: true, Users: map[string]string{"alpha": "a", "beta": "b"}, ACL: true},
		"client certificates": {TLS: true, RequireClientCert: true},
		"websockets":          {Websockets: true},
		"secure websockets":   {Websockets: true, TLS: true},
		"persistence":         {Persistence: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := testkit.Mosquitto(t, options)
			alpha, beta := testkit.MQTTClient(t, b, "alpha"), testkit.MQTTClient(t, b, "beta")
			carry(t, alpha, beta, "/change/beta", "hello")
		})
	}
}

func TestMosquittoListensForWebsockets(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Websockets: true})
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.WebsocketURL()).SetClientID("alpha"))
	wait(t, c.Connect())
	c.Disconnect(0)
}

func TestMosquittoRefusesClientsWithoutCredentials(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"alpha": "a"}})
	for name, o := range map[string]*mqtt.ClientOptions{
		"no login":       mqtt.NewClientOptions(),
		"wrong password": mqtt.NewClientOptions().SetUsername("alpha").SetPassword("b"),
	} {
		token := mqtt.NewClient(o.AddBroker(b.URL())).Connect()
		token.Wait()
		if token.Error() == nil {
			t.Errorf("%s: let in", name)
		}
	}

	secure := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, RequireClientCert: true})
	config := secure.Certs.Client()
	config.Certificates = nil
	token := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(secure.URL()).SetTLSConfig(config)).Connect()
	token.Wait()
	if token.Error() == nil {
		t.Error("no certificate: let in")
	}
}

func TestACLKeepsClientsApart(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{
		ACL: true, Users: map[string]string{"alpha": "a", "beta": "b", "eve": "e", "mallory": "m"},
	})
	alpha, beta := testkit.MQTTClient(t, b, "alpha"), testkit.MQTTClient(t, b, "beta")
	// Mosquitto 2.0.11 disconnects a client that publishes without permission: so two clients try one forbidden thing
	// each.
	mallory, eve := testkit.MQTTClient(t, b, "mallory"), testkit.MQTTClient(t, b, "eve")
	overheard := subscribe(t, eve, "#")
	got := subscribe(t, beta, "/batch/beta/+")

	publish(t, mallory, "/batch/beta/alpha", "forged")
	publish(t, alpha, "/batch/beta/alpha", "true")
	if payload := receive(t, got); payload != "true" {
		t.Errorf("received %q, want only the true one", payload)
	}
	publish(t, alpha, "/info", "for all")
	if payload := receive(t, overheard); payload != "for all" {
		t.Errorf("overheard %q, want only what everyone may read", payload)
	}
}

func TestBrokerComesBackOnItsPort(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Persistence: true})
	c := testkit.MQTTClient(t, b, "alpha")
	b.Kill()
	testkit.Eventually(t, "the client to notice", func() error {
		if c.IsConnectionOpen() {
			return errors.New("still connected")
		}
		return nil
	})
	b.Start()
	testkit.Eventually(t, "the client to come back", func() error {
		if !c.IsConnectionOpen() {
			return errors.New("not connected")
		}
		return nil
	})
	b.Stop()
	if err := refused(b.Addr()); err != nil {
		t.Errorf("after Stop: %v", err)
	}
	b.Start()
}

// subscribe returns a channel of the received payloads, which has room for all that a test sends.
func subscribe(t *testing.T, c mqtt.Client, topic string) <-chan string {
	t.Helper()
	got := make(chan string, 100)
	wait(t, c.Subscribe(topic, 1, func(_ mqtt.Client, m mqtt.Message) { got <- string(m.Payload()) }))
	return got
}

func publish(t *testing.T, c mqtt.Client, topic, payload string) {
	t.Helper()
	wait(t, c.Publish(topic, 1, false, payload))
}

// carry makes one client publish a message that another must receive.
func carry(t *testing.T, from, to mqtt.Client, topic, message string) {
	t.Helper()
	got := subscribe(t, to, topic)
	publish(t, from, topic, message)
	if payload := receive(t, got); payload != message {
		t.Errorf("received %q, want %q", payload, message)
	}
}

func receive(t *testing.T, got <-chan string) string {
	t.Helper()
	select {
	case payload := <-got:
		return payload
	case <-time.After(30 * time.Second):
		t.Fatal("nothing received in 30 s")
		return ""
	}
}

func wait(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(30 * time.Second) {
		t.Fatal("no answer in 30 s")
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}

// With -race: paho's own store shares packets between the connections.
func TestClientsPublishWhileTheyReconnect(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := testkit.MQTTClient(t, b, "alpha")
	testkit.MQTTClient(t, b, "alpha") // Each sends the other away, about once a second.
	for begun := time.Now(); time.Since(begun) < 3*time.Second; time.Sleep(10 * time.Millisecond) {
		for range 50 {
			c.Publish("/change/beta", 1, false, "hello")
		}
	}
}
