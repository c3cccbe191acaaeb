package broker_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// hello is a user's CONNECT.
func hello(username, password string) []byte {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.CleanSession, p.ClientIdentifier = "MQTT", 4, true, "fuzz"
	p.UsernameFlag, p.PasswordFlag, p.Username, p.Password = true, true, username, []byte(password)
	var b bytes.Buffer
	_ = p.Write(&b)
	return b.Bytes()
}

// FuzzBroker sends bytes to a real broker, before or after a login: nobody gets in without a login,
// and the broker keeps running.
func FuzzBroker(f *testing.F) {
	addr, _, _ := run(f, config.Broker{Listen: "127.0.0.1:0", Users: []config.BrokerUser{{Username: "user", Password: "right"}}})
	f.Add(false, hello("user", "wrong"))
	f.Add(false, hello("", ""))
	f.Add(true, []byte{0x82, 0x06, 0, 1, 0, 1, '#', 1})
	f.Add(true, []byte{0x32, 0x0a, 0, 5, '/', 'i', 'n', 'f', 'o', 0, 1, '{'})
	f.Add(true, []byte{0x30, 0xff, 0xff, 0xff, 0x7f})
	f.Add(true, []byte{0xf0, 0x00, 0x10, 0x00})
	right := hello("user", "right")
	ask := func(t *testing.T, p []byte) []byte {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("the broker is gone: %v", err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Write(p) // hanging up is fine too
		_ = c.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(c)
		return answer
	}
	f.Fuzz(func(t *testing.T, in bool, p []byte) {
		if in {
			ask(t, append(bytes.Clone(right), p...))
		} else if answer := ask(t, p); bytes.HasPrefix(answer, []byte{0x20}) && len(answer) > 3 && answer[3] == 0 && !bytes.Contains(p, []byte("right")) {
			t.Fatalf("%x got in: %x", p, answer)
		}
	})
}
