// Package simulation runs many nodes in memory, on a bus that drops,
// duplicates, delays and reorders messages, with partitions, kills between any
// two steps and clocks that differ by minutes, and then asks whether promises 1
// to 4 hold: nothing is lost, nothing is harmed by arriving twice or late, all
// nodes end with the same rows, no version that lost a conflict is gone.
//
// What runs is the real code: each remote has a deliver.Sender, with flights, road, marks, probes and loads; each node has
// a capture.Capture, a receive.Receiver that gives what comes to an apply.Applier, with what that sets aside and asks
// about, and snapshot.Snapshots, which send tables as a whole; the stream is a version.Stream with its latch, its doubts
// and its fence; verify.Repair decides about rows that differ; a hub has a route.Router. Each sender, and each stage, is a coroutine: whenever it
// asks the database, waits for a latch or sends, anything else may happen before it goes on, also that its daemon is
// killed, or that the answer to a COMMIT is lost. A run is a function of its seed.
//
// Played are the bus (link.go), the clock (queue.go, process.go) and the database (database.go, transaction.go,
// session.go, outbox.go, whole.go, revising.go, routed_database.go; a test holds what it does to the outbox against the real statements), the
// opening of messages, and the loops around a comparison of tables and around the questions about rows that hold a change
// up.
//
// Nodes have two tables, some with a policy, some with rows that refer to rows of the other table and with values that no
// two rows may have, with a row that a transformer holds back, with remotes that are spoken to a row at a time as in
// version 1, that lack rows from the beginning, that decline a table for a while, and that refuse rows. Not played:
// transformers that change rows, rows that a foreign key takes along, what a peer makes of the dates of version 1, and errors
// of the server other than those of locks, keys and triggers and a COMMIT that is not answered.
//
// Options.Merges has rows merged by their columns, of which one is counted (merged.go). Users count, write columns, delete and
// insert rows. At the end all that they wrote is in the rows, and counted once, or in a loser, or was replaced by someone who
// saw it. Not played there: references, peers of version 1, and restored backups.
//
// Options.Routes makes a hub and its stores (routed.go), all of which write. Rows go to stores by a column, by a lookup table
// that users change, or to where those are that they refer to; the routes change when the hub restarts. At the end each store
// has the rows that are routed to it, and no others, and no write is lost. Not played there: children of children, routers
// below a router, stores of version 1, comparisons, restored backups, and the deletion of rows that others follow.
//
// Options.Log has all nodes capture from the log of their servers, MariaDB or MySQL (log.go, log_read.go, log_user.go): the real
// log.Source reads it. Played are what the server does to a transaction, one step after the other: it is logged, its rows are seen and
// unlocked, it counts as committed; in the log's order or not; users' transactions that are prepared (XA); lost connections; and a
// server that is killed and commits what it has logged. Not played there: transactions in pieces or of several rows, statements,
// triggers on parents, dates that are not believed, a log that is reset or purged, restored backups, and merged or routed rows.
package simulation
