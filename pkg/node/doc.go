// Package node is one node: it makes the parts that a change goes through, connects them, and runs them until it is told to stop.
//
// What happens to a row stands in the packages of the parts: capture, deliver and render on the way out, receive and apply on the
// way in, mesh, verify, snapshot and status beside it. This package only knows in which order they begin, and who hears of what.
package node
