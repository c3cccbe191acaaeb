// Package snapshot goes through whole tables in chunks of their keys: the initial
// sync and the resync. Rows that a remote lacks are read by its sender; of all rows
// each gets a new version here, and is marked.
//
// It keeps promise 1 for rows that are older than the node, and promise 10: a
// chunk goes on only while little waits for the remote, and where it has got to
// is in the database. Sending the rows is package deliver's business.
package snapshot
