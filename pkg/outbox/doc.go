// Package outbox remembers what each remote still needs, and shows it to the
// user in sync_status.
//
// It keeps promise 1: a row leaves it only when the remote has acked what is now
// due, not something older. It keeps promise 10: what waits is rows of a table
// in the database, and only a window of them is ever in memory. Sending is the
// business of packages daemon and transport.
package outbox
