package broker

import (
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// numbers keeps clients' packet numbers apart from the broker's own. Each side counts for itself (MQTT 3.1.1, 2.3.1), but mochi
// refuses a subscription if a message with the same number is on its way to the client: a client returning to a queue could not
// subscribe, and would blame an ACL. So mochi sees no number, and the answer gets the client's.
type numbers struct {
	mqtt.HookBase
	asked sync.Map // by *mqtt.Client: the number of its subscription. mochi handles one at a time
}

// ID names the hook to mochi.
func (n *numbers) ID() string { return "numbers" }

// Provides tells mochi what the hook answers.
func (n *numbers) Provides(b byte) bool {
	return b == mqtt.OnSubscribe || b == mqtt.OnPacketEncode || b == mqtt.OnDisconnect
}

// OnSubscribe removes the number: no message from the broker has 0.
func (n *numbers) OnSubscribe(c *mqtt.Client, p packets.Packet) packets.Packet {
	n.asked.Store(c, p.PacketID)
	p.PacketID = 0
	return p
}

// OnPacketEncode puts it on the answer, which mochi writes while handling the subscription, before the next.
func (n *numbers) OnPacketEncode(c *mqtt.Client, p packets.Packet) packets.Packet {
	if p.FixedHeader.Type == packets.Suback {
		if id, ok := n.asked.LoadAndDelete(c); ok {
			p.PacketID = id.(uint16)
		}
	}
	return p
}

// OnDisconnect forgets a client that got no answer.
func (n *numbers) OnDisconnect(c *mqtt.Client, _ error, _ bool) { n.asked.Delete(c) }
