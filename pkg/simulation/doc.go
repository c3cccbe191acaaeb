// Package simulation runs many nodes in memory, on a bus that drops,
// duplicates, delays and reorders messages, with partitions, kills between any
// two steps and clocks that differ by minutes, and then asks whether promises 1
// to 4 hold: nothing is lost, nothing is harmed by arriving twice or late, all
// nodes end with the same rows, no version that lost a conflict is gone.
//
// What is decided is decided by the real code: conflict.Next, apply.Plan and
// whom the latter passes a row on to. The steps around it, which are SQL and
// MQTT in packages capture, version, outbox, apply and daemon, are played here as
// those packages order them: positions of the stream are taken in transactions
// that commit in another order, or after their daemon is gone, and places are
// booked as the answers come. Anything may happen between two steps. A run is a
// function of its seed.
//
// Not played: rows that a remote lacks (the initial sync), transformers but for their
// order, policies, version 1 of the wire, and errors of the server other than a COMMIT that is not
// answered.
package simulation
