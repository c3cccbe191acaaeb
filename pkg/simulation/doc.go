// Package simulation runs many nodes in memory, on a bus that drops,
// duplicates, delays and reorders messages, with partitions, kills between any
// two steps and clocks that differ by minutes, and then asks whether promises 1
// to 4 hold: nothing is lost, nothing is harmed by arriving twice or late, all
// nodes end with the same rows, no version that lost a conflict is gone.
//
// What is decided is decided by the real code: conflict.Next, apply.Plan and
// whom the latter passes a row on to. The steps around it, which are SQL and
// MQTT in packages capture, outbox, apply and daemon, are played here as those
// packages order them: what one transaction does there is one event here, and
// anything may happen between two events. A run is a function of its seed.
package simulation
