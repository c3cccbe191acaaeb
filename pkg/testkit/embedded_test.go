package testkit_test

import (
	"net"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A stranger without a login costs the broker in a node next to nothing, whatever they send and
// however often they connect, and keeps nobody out.
func TestStrangersCostTheEmbeddedBrokerNoMemory(t *testing.T) {
	t.Parallel()
	b := testkit.Embedded(t, map[string]string{"alpha": "a"})
	largest := []byte{0x10, 0xff, 0xff, 0xff, 0x1f} // a CONNECT of 64 MiB
	zeros := make([]byte, 1<<20)
	for _, many := range []int{20, 500} {
		var open []net.Conn
		for range many {
			c, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			open = append(open, c)
		}
		for _, c := range open {
			_, err := c.Write(largest)
			for range 1000 / many { // as much of all together; the broker should hang up
				if err == nil {
					_, err = c.Write(zeros)
				}
			}
		}
		testkit.MQTTClient(t, b, "alpha")
		if peak := b.PeakMemory(); peak > 128<<20 {
			t.Errorf("%d strangers took %d MiB", many, peak>>20)
		}
	}
}
