// Package binlog reads what a server's binary log says, as ordered transactions of changed rows.
//
// A Reader asks the server for its log as a replica would, from a Position on, and returns each committed transaction
// once, in the log's order: promise 1 builds on that. What it decodes are bytes of others, so that all of it is pure,
// bounded in size, and an error at worst (promise 9). Values come out in the stored form of package value, as a SELECT
// of the node would have read them.
//
// Three positions must not be mixed up, so each has a type of its own: Written, how far the log is written, an upper
// bound of what committed; Committed, up to where all can be seen; and Read, what a Reader has returned.
//
// What the changes mean, when they are recorded and where a restart reads from is left to pkg/capture/log.
package binlog
