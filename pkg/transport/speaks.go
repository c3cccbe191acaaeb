package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// ProtocolError means that a server answers, but does not speak the configured protocol.
type ProtocolError struct {
	Server string // host and port
	Given  string // the configured protocol: mqtt, mqtts, ws or wss
	Speaks string // the right one of these; "": the server is not a broker
	Is     string // what answers, for people
	Err    error  // of the attempt to connect
}

// Error says what to change in the configuration.
func (p *ProtocolError) Error() string {
	if p.Speaks == "" {
		return fmt.Sprintf("%s there, not an MQTT broker: check mqttConfig.host, port and path (%v)", p.Is, p.Err)
	}
	return fmt.Sprintf("%s there: mqttConfig.protocol is %s but must be %s (%v)", p.Is, p.Given, p.Speaks, p.Err)
}

// Unwrap returns Err.
func (p *ProtocolError) Unwrap() error { return p.Err }

// protocols maps the schemes of addresses to their names in the configuration.
var protocols = map[string]string{"tcp": "mqtt", "ssl": "mqtts", "ws": "ws", "wss": "wss"}

// askTime bounds finding out what a server speaks.
const askTime = 3 * time.Second

// explain finds out what a server speaks if connecting failed although something answers at its port: errors such as a
// reset, EOF or a timeout do not tell. An error that does is returned unchanged.
func explain(ctx context.Context, server *url.URL, err error) error {
	var dialed *net.OpError
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrDenied) || errors.As(err, &dialed) && dialed.Op == "dial" || ctx.Err() != nil {
		return err
	}
	given := protocols[server.Scheme]
	found := askServer(ctx, server)
	p := &ProtocolError{Server: server.Host, Given: given, Speaks: found.protocol(), Is: found.String(), Err: err}
	if found == secured { // it may require a client certificate before it says more
		p.Speaks = map[string]string{"mqtt": "mqtts", "ws": "wss"}[given]
	}
	if found == silence || found == secured && p.Speaks == "" || p.Speaks == given {
		return err
	}
	return p
}

// hello is an MQTT CONNECT without a client name or a login; every broker answers it, if only to refuse it.
var hello = []byte{0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 10, 0, 0}

// askServer returns what a server speaks. It tries all protocols at once.
func askServer(ctx context.Context, server *url.URL) nature {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	paths := []string{"/", "/mqtt"}
	if strings.HasPrefix(server.Scheme, "ws") {
		paths = []string{server.RequestURI()}
	}
	var questions [][]byte
	for _, path := range paths {
		questions = append(questions, []byte("GET "+path+" HTTP/1.1\r\nHost: "+server.Host+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bXlzcWwtc3luYyBhc2tzLg==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"))
	}
	questions = append(questions, hello)
	heard := make(chan nature, 2*len(questions))
	for _, q := range questions {
		for _, secure := range []bool{false, true} {
			go func() { heard <- ask(ctx, server.Host, q, secure) }()
		}
	}
	best := silence
	for range cap(heard) {
		best = max(best, <-heard)
	}
	return best
}

// nature is what a server's answer reveals. Of several answers, the greatest says the most.
type nature int

const (
	silence nature = iota
	secured
	web
	securedWeb
	amqp
	nats
	database
	websocketMQTT
	securedWebsocketMQTT
	plainMQTT
	securedMQTT
)

// protocol returns what the configuration must say, or "" if the server is not a broker.
func (n nature) protocol() string {
	return map[nature]string{websocketMQTT: "ws", securedWebsocketMQTT: "wss", plainMQTT: "mqtt", securedMQTT: "mqtts"}[n]
}

// String says what answers, for people; "" for silence.
func (n nature) String() string {
	return map[nature]string{
		secured: "a server with TLS answers", web: "a web server that offers no MQTT at this path answers",
		securedWeb: "a web server with TLS that offers no MQTT at this path answers",
		amqp:       "an AMQP server answers", nats: "a NATS server answers, at its port for NATS clients",
		database: "a MySQL or MariaDB server answers", websocketMQTT: "a broker for websockets without TLS answers",
		securedWebsocketMQTT: "a broker for websockets with TLS answers", plainMQTT: "a broker without TLS answers",
		securedMQTT: "a broker with TLS answers",
	}[n]
}

// ask sends something to a server, and returns what its answer reveals.
func ask(ctx context.Context, address string, question []byte, secure bool) nature {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return silence
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	reads := conn
	if secure {
		t := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // it is told no secrets, and nothing it says is trusted
		if t.HandshakeContext(ctx) != nil {
			return silence
		}
		reads = t
	}
	if _, err := reads.Write(question); err != nil {
		return judgeAnswer(nil, secure)
	}
	answer := make([]byte, 64)
	n, _ := reads.Read(answer) // after an error, the bytes read so far still tell
	return judgeAnswer(answer[:n], secure)
}

// judgeAnswer recognizes a server by its first bytes.
func judgeAnswer(answer []byte, secure bool) nature {
	pick := func(plain, tls nature) nature {
		if secure {
			return tls
		}
		return plain
	}
	switch {
	case len(answer) >= 4 && answer[0] == 0x20 && answer[1] == 2:
		return pick(plainMQTT, securedMQTT)
	case bytes.HasPrefix(answer, []byte("HTTP/1.1 101")):
		return pick(websocketMQTT, securedWebsocketMQTT)
	case bytes.HasPrefix(answer, []byte("HTTP/")):
		return pick(web, securedWeb)
	case len(answer) > 4 && answer[3] == 0 && (answer[4] == 10 || answer[4] == 0xff): // its greeting, or an error instead
		return database
	case bytes.HasPrefix(answer, []byte("INFO {")):
		return nats
	case bytes.HasPrefix(answer, []byte("AMQP")):
		return amqp
	}
	return pick(silence, secured)
}
