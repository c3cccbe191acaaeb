// Package daemon is one node: it wires the stages and moves changes between
// them. outbound.go is the way of a local change to the remotes; that of a
// remote one into the database is package receive.
//
// It keeps promise 6 (an ack is published only after the commit) and promise
// 10 (of what waits only a window is in memory).
package daemon
