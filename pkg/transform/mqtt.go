package transform

import (
	"bytes"
	"context"
	"strings"

	"github.com/dop251/goja"
)

// publish is context.mqtt.publish(topic, message, {qos, retain}). It returns a promise of a packet. The option dup is
// the broker connection's business and is ignored.
func (m *machine) publish(c goja.FunctionCall) goja.Value {
	topic := c.Argument(0)
	if !goja.IsString(topic) || topic.String() == "" || strings.ContainsAny(topic.String(), "+#\x00") {
		panic(m.vm.NewTypeError("publish: the topic must be a string, not empty and without + and #"))
	}
	message := m.message(c.Argument(1))
	qos, retain := byte(0), false
	if options, ok := c.Argument(2).(*goja.Object); ok {
		qos = m.qos(options.Get("qos"))
		if v := options.Get("retain"); v != nil {
			retain = v.ToBoolean()
		}
	}
	packet := m.packet(len(topic.String()), len(message), qos)
	return m.start(func(ctx context.Context) (func() (goja.Value, error), error) {
		err := m.publisher.Publish(ctx, topic.String(), message, qos, retain)
		return func() (goja.Value, error) { return packet, nil }, err
	})
}

// message returns the bytes of a message.
func (m *machine) message(v goja.Value) []byte {
	if goja.IsString(v) {
		return []byte(v.String())
	}
	if o, ok := v.(*goja.Object); ok {
		if b, ok := bytesOf(o); ok {
			return bytes.Clone(b)
		}
	}
	panic(m.vm.NewTypeError("publish: the message must be a string or a Buffer"))
}

// qos returns the option qos, 0 if it is missing.
func (m *machine) qos(v goja.Value) byte {
	if v == nil || goja.IsUndefined(v) {
		return 0
	}
	if n := v.ToFloat(); n == 0 || n == 1 || n == 2 {
		return byte(n)
	}
	panic(m.vm.NewTypeError("publish: qos must be 0, 1 or 2"))
}

// packet returns what publish resolves with. length is the packet's remaining
// length, and messageId, which only counts here, is missing at QoS 0.
func (m *machine) packet(topic, message int, qos byte) *goja.Object {
	o := m.vm.NewObject()
	o.Set("cmd", "publish")
	length := 2 + topic + message
	if qos > 0 {
		m.messageID = max(m.messageID+1, 1)
		o.Set("messageId", m.messageID)
		length += 2
	}
	o.Set("length", length)
	return o
}
