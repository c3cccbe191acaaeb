package testkit

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// MQTTClient connects a bare client to the broker, to play a peer by hand. If the broker has a user
// of the client's name, the client logs in as that. The session is clean; it reconnects, but does
// not resubscribe. It is disconnected with the test.
func MQTTClient(tb TB, b *Broker, id string) mqtt.Client {
	tb.Helper()
	b = b.Server()
	o := mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID(id).SetConnectTimeout(limit).
		SetMaxReconnectInterval(time.Second).SetStore(&copies{})
	if password, ok := b.users[id]; ok {
		o.SetUsername(id).SetPassword(password)
	}
	if b.Certs != nil {
		o.SetTLSConfig(b.Certs.Client())
	}
	c := mqtt.NewClient(o)
	token := c.Connect()
	if !token.WaitTimeout(limit) {
		tb.Fatalf("connect %s to the broker: no answer in %v", id, limit)
	}
	if err := token.Error(); err != nil {
		tb.Fatalf("connect %s to the broker: %v", id, err)
	}
	tb.Cleanup(func() { c.Disconnect(0) })
	return c
}

// Dial opens a plain connection to the broker, for callers who do not want a client; it is good for 5 seconds.
func (b *Broker) Dial() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", b.Addr(), time.Second)
	if err != nil {
		return nil, fmt.Errorf("reach the broker: %w", err)
	}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, errors.Join(fmt.Errorf("limit the wait: %w", err), conn.Close())
	}
	if b.Certs != nil {
		config := b.Certs.Client()
		config.ServerName = b.Host
		conn = tls.Client(conn, config)
	}
	return conn, nil
}

// ask sends CONNECT. The broker is ready when it answers, even if it refuses the login. A server of
// an incomplete cluster answers that it is unavailable, or not at all.
func (b *Broker) ask() error {
	conn, err := b.Dial()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession = "MQTT", 4, true
	hello.ClientIdentifier = "testkit"
	for user, password := range b.users { // any user
		hello.UsernameFlag, hello.PasswordFlag, hello.Username, hello.Password = true, true, user, []byte(password)
	}
	if err := hello.Write(conn); err != nil {
		return fmt.Errorf("greet the broker: %w", err)
	}
	answer, err := packets.ReadPacket(conn)
	if err != nil {
		return fmt.Errorf("hear the broker: %w", err)
	}
	connack, ok := answer.(*packets.ConnackPacket)
	if !ok {
		return errors.New("hear the broker: not a CONNACK")
	}
	if connack.ReturnCode == packets.ErrRefusedServerUnavailable {
		return errors.New("hear the broker: it is not available yet")
	}
	return nil
}
