package transport

import "github.com/eclipse/paho.mqtt.golang/packets"

// noStore is a paho store that keeps nothing. paho would resend stored messages on a later connection, when the row may
// have changed: that is up to the outbox, which has the newest row.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) All() []string                     { return nil }
func (noStore) Del(string)                        {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}
