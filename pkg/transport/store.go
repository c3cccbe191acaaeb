package transport

import "github.com/eclipse/paho.mqtt.golang/packets"

// noStore is a paho store that keeps nothing. paho would send what it keeps again on a later connection, when the row
// it speaks of may have changed: sending again is the outbox's business, which has the newest row.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) All() []string                     { return nil }
func (noStore) Del(string)                        {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}
