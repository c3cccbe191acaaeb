package transport_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// brokers are Mosquitto with our configuration, and with its defaults, without set_tcp_nodelay.
var brokers = map[string][]string{"nodelay": nil, "nagle": {"set_tcp_nodelay false"}}

// BenchmarkRoundTrip publishes a message of 300 bytes and waits for the acknowledgement and for the echo on its own
// subscription.
func BenchmarkRoundTrip(b *testing.B) {
	for name, extra := range brokers {
		b.Run(name, func(b *testing.B) {
			c := plain(testkit.Mosquitto(b, testkit.MosquittoOptions{Extra: extra}).URL(), "alpha")
			c.Topics = []string{"/change/alpha"}
			n := run(b, c)
			payload := string(make([]byte, 300))
			for b.Loop() {
				n.publish(b, "/change/alpha", payload)
				receive(b, n.got).Ack()
			}
		})
	}
}

// BenchmarkThroughput keeps a window of messages in flight to another session. An operation is one message.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{300, 30_000, 250_000} {
		for name, extra := range brokers {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				server := testkit.Mosquitto(b, testkit.MosquittoOptions{Extra: extra}).URL()
				c := plain(server, "beta")
				c.Topics = []string{"/change/beta"}
				beta := run(b, c)
				alpha := run(b, plain(server, "alpha"))
				b.SetBytes(int64(size))
				payload := make([]byte, size)
				received := make(chan struct{})
				go func() {
					defer close(received)
					for range b.N {
						d := <-beta.got
						d.Ack()
					}
				}()
				b.ResetTimer()
				for range b.N {
					_, err := alpha.PublishAsync(b.Context(),
						transport.Message{Topic: "/change/beta", Payload: payload, QoS: 1})
					if err != nil {
						b.Fatal(err)
					}
				}
				<-received
			})
		}
	}
}
