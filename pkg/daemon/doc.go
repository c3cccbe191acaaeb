// Package daemon is one node: it wires the stages and moves changes between
// them. outbound.go is the way of a local change to the remotes, inbound.go that
// of a remote one into the database.
//
// It keeps promise 6 (an ack is published only after the commit), promise 8
// (whom and what it accepts is checked before anything is written) and promise
// 10 (of what waits only a window is in memory).
package daemon
