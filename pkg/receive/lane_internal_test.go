package receive

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestMessagesJoinAWaitingLoad: the longer the database takes, the more is written together.
func TestMessagesJoinAWaitingLoad(t *testing.T) {
	r, _ := newReceiver(t, &stand{})
	l := r.lane("node-b")
	send := func(seq uint64) {
		b := &wire.Batch{Session: 1, Seq: seq}
		if !r.put(wire.Topic{Kind: wire.BatchTo, Client: "node-a", Sender: "node-b"}, transport.Delivery{Payload: r.Codec.Pack(b, 1<<20)[0], Ack: func() {}}) {
			t.Fatal("it is not accepted")
		}
	}
	send(1)
	x := l.gather(t.Context())
	handed := make(chan struct{})
	go func() { defer close(handed); l.hand(t.Context(), x) }()
	send(2)
	for len(l.queue.kick) > 0 { // until the lane has checked
	}
	send(3)
	for len(l.queue.kick) > 0 {
	}
	if got := <-r.ready; len(got.works) < 2 || !got.last() {
		t.Errorf("%d messages went together, the last: %v", len(got.works), got.last())
	}
	<-handed
}

// TestASlowLoadIsHandedOver before the senders of its first messages give up.
func TestASlowLoadIsHandedOver(t *testing.T) {
	x := &load{took: loadTime}
	if !x.full() || (&load{}).full() {
		t.Error("a load is limited only by its rows")
	}
}
