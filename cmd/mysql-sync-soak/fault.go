package main

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// fault is something bad that happens again and again to two nodes under load.
type fault struct {
	name string
	does string // what is killed, cut or spoiled
	// set changes the setup before anything starts; nil changes nothing.
	set func(w *world)
	// strike causes it once and undoes it; that takes a second or two.
	strike func(w *world)
	// heal runs when the load has ended; nil does nothing.
	heal func(w *world)
	long bool // takes minutes, and happens once
}

// faults are all of them, in the order of the table.
var faults = []fault{
	{name: "node A killed", does: "kill -9 node A", strike: func(w *world) { w.killNode(w.a) }},
	{name: "node B killed", does: "kill -9 node B", strike: func(w *world) { w.killNode(w.b) }},
	{name: "broker killed", does: "kill -9 Mosquitto", strike: killBroker},
	{name: "database A killed", does: "kill -9 mariadbd of A", strike: func(w *world) { w.killDatabase(w.a) }},
	{name: "database B killed", does: "kill -9 mariadbd of B", strike: func(w *world) { w.killDatabase(w.b) }},
	{name: "all killed", does: "kill -9 of a node, a database and the broker at once", strike: killAll},
	{name: "broker out of reach", does: "black hole between node A and the broker, cuts for B", strike: hideBroker},
	{name: "database out of reach", does: "black hole between node A and its database, cuts for B", strike: hideDatabase},
	{name: "disk of the broker full", does: "Mosquitto with sessions on a full disk, kill -9 there", set: smallDisk, strike: fillDisk},
	{name: "disk of a database full", does: "the disk of A's or B's mariadbd full for 4 seconds", set: ownDisks, strike: fillDatabaseDisk,
		heal: tellEnds},
	{name: "broker drops messages", does: "max_queued_messages 10, max_inflight_messages 5, node B stops and restarts", set: shortQueues,
		strike: func(w *world) { w.stopNode(w.b) }},
	{name: "duplicates, disorder", does: "batches and acks republished late, twice, in any order", set: record, strike: replay},
	{name: "old backup restored", does: "database A restored from an earlier copy, then verify --repair",
		strike: setBack, heal: repair},
	{name: "clock set back", does: "the clock of A's mariadbd and node set back by an hour, then corrected; node A killed in between", set: oneClock,
		strike: turnClock},
	{name: "deadlock storm", does: "8 sessions on each side lock 10 rows in opposite orders", set: stormy, strike: letPass},
	{name: "backlog of a million", does: "node B down while A writes 1,000,000 rows", set: large, strike: pileUp, heal: drain, long: true},
}

// pause is how long a fault lasts, or the time between two.
func (w *world) pause(d time.Duration) {
	if pause.For(w.ctx, d) != nil {
		w.tb.Fatalf("interrupted")
	}
}

// down and up are the pauses of a strike.
const (
	down = 500 * time.Millisecond
	up   = time.Second
)

func (w *world) killNode(s *site) {
	s.Node.Kill()
	w.pause(down)
	s.startNode()
	w.pause(up)
}

func (w *world) stopNode(s *site) {
	if code := s.Node.Stop(); code != 0 {
		w.tb.Fatalf("stop node %s: exit code %d", s.Name, code)
	}
	w.pause(down)
	s.startNode()
	w.pause(up)
}

func killBroker(w *world) {
	w.broker.Kill()
	w.pause(down)
	w.broker.Start()
	w.pause(up)
}

func (w *world) killDatabase(s *site) {
	s.Server.Kill()
	w.pause(down)
	s.Server.Start()
	w.pause(up)
}

// killAll alternates between the sides, so that neither is at rest.
func killAll(w *world) {
	s := w.turn()
	w.broker.Kill()
	s.Server.Kill()
	s.Node.Kill()
	w.pause(down)
	s.Server.Start()
	w.broker.Start()
	s.startNode()
	w.pause(up)
}

func hideBroker(w *world) { w.hide(w.a.toBroker, w.b.toBroker) }

func hideDatabase(w *world) { w.hide(w.a.toDatabase, w.b.toDatabase) }

// hide makes one link swallow everything for long enough to be noticed, and then cuts the other.
func (w *world) hide(swallow, cut *testkit.Proxy) {
	swallow.Blackhole(true)
	w.pause(3 * time.Second)
	swallow.CloseAll()
	swallow.Restore()
	w.pause(up)
	cut.Cut()
	w.pause(down)
	cut.Restore()
	w.pause(up)
}

func oneClock(w *world) { w.clocks = true }

// turnClock sets A's clock back while everything runs, restarts its node, and corrects the clock.
func turnClock(w *world) {
	w.a.clock.Set(-time.Hour)
	w.pause(2 * up)
	w.killNode(w.a)
	w.a.clock.Set(0)
	w.pause(2 * up)
}

func stormy(w *world) { w.stormers = 8 }

// letPass only waits: the load itself is the fault.
func letPass(w *world) { w.pause(up) }
