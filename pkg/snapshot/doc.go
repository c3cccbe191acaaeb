// Package snapshot goes through whole tables in chunks of their keys and marks
// their rows for a remote: the initial sync and the resync.
//
// It keeps promise 1 for rows that are older than the node, and promise 10: a
// chunk is marked only while little waits in the outbox, and where it has got to
// is in the database. Sending the rows is what the outbox is for.
package snapshot
