// Package job carries rows from a source to destinations.
//
// A run reads the source, has each row transformed, compares it with the ledger to decide
// what each destination needs (package diff), and fills the outboxes; senders drain these
// at the destinations' pace and book the answers. A connector may die between any two
// steps: rows that were read are in the outbox, along with the position reached (promise 1);
// batches that were in flight are in doubt (promise 2).
//
// Sources and destinations are adapters, in packages of their own.
package job
