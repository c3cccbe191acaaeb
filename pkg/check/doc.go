// Package check finds what keeps a node from working before it runs: errors in the configuration,
// in the scripts, at the database server, in the tables, at the broker, and whatever can be seen of
// the remotes.
//
// It keeps promise 9 for a node's setup: each finding names what and where, says what it means, and
// what to do. Nothing is changed, and a running node is not disturbed.
//
// Pure functions (judge…) judge what was read before; reading is done by read…, and by a connection
// to the broker. Each start of a node uses the same functions.
package check
