package broker

import (
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// numbers keeps the packet numbers of clients apart from the broker's own. Each side counts for itself (MQTT 3.1.1, 2.3.1), but
// mochi refuses a subscription whose number the client has given while a message of the broker with the same number is on its
// way to it: a client that comes back to a queue could not subscribe, and would take that for an ACL. So mochi sees none, and
// the answer gets the client's.
type numbers struct {
	mqtt.HookBase
	asked sync.Map // of *mqtt.Client: the number of its subscription. mochi works on one at a time
}

// ID names the hook to mochi.
func (n *numbers) ID() string { return "numbers" }

// Provides tells mochi what the hook answers.
func (n *numbers) Provides(b byte) bool {
	return b == mqtt.OnSubscribe || b == mqtt.OnPacketEncode || b == mqtt.OnDisconnect
}

// OnSubscribe takes the number off: no message of the broker has 0.
func (n *numbers) OnSubscribe(c *mqtt.Client, p packets.Packet) packets.Packet {
	n.asked.Store(c, p.PacketID)
	p.PacketID = 0
	return p
}

// OnPacketEncode puts it on the answer. mochi writes that in the course of the subscription, before it works on another.
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
