// Package check finds what keeps a node from its work before it runs: mistakes in
// the configuration, in the scripts, at the database server, in the tables, at the
// broker, and what can be seen of the remotes.
//
// It keeps promise 9 for the set-up of a node: each finding names what and where,
// says what it means, and what to do. Nothing is changed, and a running node is not
// disturbed.
//
// What is found is judged by pure functions (judge…) of what was read before; the
// reading is done by read…, and by a line to the broker. Package daemon asks the
// same functions at each start.
package check
