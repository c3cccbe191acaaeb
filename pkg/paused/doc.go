// Package paused knows what people have paused: sending to a remote, sending of a table, or both, for some time or until
// resumed.
//
// A pause is a row of sync_pauses, so it survives a restart. It begins and ends by the database's clock, so that a command
// on another machine and the node mean the same moment. It only keeps rows from being sent: what is due stays due, so
// nothing here can lose a row (promise 1).
package paused
