// Package outbox remembers what each remote still needs, and shows it to the user in sync_status.
//
// A remote needs two things: the rows of the stream (package version) after its position in
// sync_remotes, and the rows marked for it alone in sync_outbox: those it refused, and those it
// must get again or for the first time.
//
// It keeps promise 1: a position moves, and a mark goes, only when the remote has acked what is
// due, not something older. It keeps promise 10: pending rows are rows of tables in the database,
// and only a window of them is ever in memory. Sending is package deliver's business.
package outbox
