package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// shortQueues makes the broker forget nearly everything that it cannot deliver at once.
func shortQueues(w *world) {
	w.mosquitto.Extra = []string{"max_queued_messages 10", "max_inflight_messages 5"}
}

// smallDisk gives the broker its own disk of 128 KiB for the persistent sessions and queues of nodes.
func smallDisk(w *world) {
	w.disk = newDisk(w.tb, "128k")
	w.mosquitto.Extra = []string{"persistence true", "persistence_location " + w.disk + "/", "autosave_interval 1"}
	w.mqtt = map[string]any{"clean": false}
}

// fillDisk fills the broker's disk, keeps a node away so that there is something to save, and kills
// the broker while it cannot save.
func fillDisk(w *world) {
	filler := filepath.Join(w.disk, "filler")
	fill(w.tb, filler)
	s := w.turn()
	s.Node.Kill()
	w.pause(up + down)                                // the broker saves each second
	if !said(w.broker, "Saving in-memory database") { // Mosquitto 2.0.11 does not report that it could not
		w.tb.Fatalf("the broker did not save its sessions")
	}
	killBroker(w)
	s.startNode()
	w.pause(up)
	if err := os.Remove(filler); err != nil {
		w.tb.Fatalf("empty the disk of the broker: %v", err)
	}
	w.pause(up)
}

// said reports whether the broker has logged a text since its start.
func said(b *testkit.Broker, text string) bool {
	for _, line := range b.Log() {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// tape is a raw client that records what nodes send each other.
type tape struct {
	client mqtt.Client

	mu       sync.Mutex
	messages []mqtt.Message
}

// tapeLength is how many messages are kept; a new one replaces any other.
const tapeLength = 2000

// record makes the raw client listen from the start.
func record(w *world) { w.tape = &tape{} }

func (t *tape) start(w *world) {
	t.client = testkit.MQTTClient(w.tb, w.broker, "tape")
	token := t.client.SubscribeMultiple(map[string]byte{"/batch/#": 1, "/ack/#": 1}, func(_ mqtt.Client, m mqtt.Message) { t.keep(m) })
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		w.tb.Fatalf("listen to the nodes: %v", token.Error())
	}
}

func (t *tape) keep(m mqtt.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.messages) < tapeLength {
		t.messages = append(t.messages, m)
	} else {
		t.messages[rand.IntN(tapeLength)] = m
	}
}

// replay republishes a hundred of the messages, each twice, in any order.
func replay(w *world) {
	t := w.tape
	t.mu.Lock()
	again := make([]mqtt.Message, 0, 200)
	for _, i := range rand.Perm(len(t.messages))[:min(100, len(t.messages))] {
		again = append(again, t.messages[i], t.messages[i])
	}
	t.mu.Unlock()
	rand.Shuffle(len(again), func(i, k int) { again[i], again[k] = again[k], again[i] })
	for _, m := range again {
		if token := t.client.Publish(m.Topic(), 1, false, m.Payload()); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			w.tb.Fatalf("publish again: %v", token.Error())
		}
	}
	w.pause(down)
}
