// Package job carries rows from a source to destinations.
//
// A run reads the source, has each row transformed, decides by the ledger what its
// destinations have to be told (package diff), and fills their outboxes; senders
// drain these at the pace of the destinations and book the answers. A connector may
// die between any two steps: what was read is in the outbox with the place that
// was reached (promise 1), what was on its way is in doubt (promise 2).
//
// Sources and destinations are adapters, in packages of their own.
package job
