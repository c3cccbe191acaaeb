// Package paused knows what people have paused: sending rows to a remote, of a table, or both, for a time or until it is
// resumed.
//
// A pause is a row of sync_pauses, so it outlasts the node. It begins and ends by the database's clock: whoever writes
// the row, a command on another machine or the node, means the same moment. It only keeps rows from being sent. What is
// due stays due, and so nothing here can lose anything (promise 1).
package paused
