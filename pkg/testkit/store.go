package testkit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// copies is a paho store that keeps packets as their bytes. paho's own memory store gives out the packet that it got:
// after a reconnect one goroutine marks it as sent again while another still writes it to the old connection
// (https://github.com/eclipse-paho/paho.mqtt.golang/issues/703).
type copies struct {
	mu   sync.Mutex
	kept map[string][]byte
}

// Open and Close do nothing: a client that lost its connection goes on with what is kept.
func (s *copies) Open() {}

// Close does nothing: see Open.
func (s *copies) Close() {}

// Put keeps a packet as it is now.
func (s *copies) Put(key string, packet packets.ControlPacket) {
	var b bytes.Buffer
	if err := packet.Write(&b); err != nil {
		panic(fmt.Sprintf("write a packet into memory: %v", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[key] = b.Bytes()
}

// Get returns a packet of its own, or nil.
func (s *copies) Get(key string) packets.ControlPacket {
	s.mu.Lock()
	kept, ok := s.kept[key]
	s.mu.Unlock()
	if !ok {
		return nil
	}
	packet, err := packets.ReadPacket(bytes.NewReader(kept))
	if err != nil {
		panic(fmt.Sprintf("read a packet from memory: %v", err))
	}
	return packet
}

// All returns the keys in an order that is the same each time.
func (s *copies) All() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.kept))
}

// Del forgets a packet.
func (s *copies) Del(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, key)
}

// Reset forgets all.
func (s *copies) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.kept)
}
