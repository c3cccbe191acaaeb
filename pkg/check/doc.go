// Package check finds what keeps a node from working before it runs: errors in the configuration,
// in the scripts, at the database server, in the tables, at the broker, and at the remotes, as far
// as they can be seen from here.
//
// It keeps promise 9 for a node's setup: each finding names what and where, and says what it means
// and what to do. Nothing is changed, and a running node is not disturbed.
//
// Functions named read…, and a connection to the broker, gather facts; pure functions named judge…
// judge them. Each start of a node uses the same functions.
package check
