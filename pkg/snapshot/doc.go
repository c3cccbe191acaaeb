// Package snapshot walks whole tables in chunks of their keys: the initial sync and the resync.
// Rows that a remote lacks are read by its sender; if all rows are sent, each gets a new version
// here, and is marked.
//
// It keeps promise 1 for rows older than the node, and promise 10: a chunk proceeds only while
// little waits for the remote, and its progress is in the database. Sending the rows is package
// deliver's business.
package snapshot
