// Package node is one node: it creates the parts that a change passes through, connects them, and
// runs them until it is told to stop.
//
// What happens to a row is up to the parts' packages: capture, deliver and render on the way out,
// receive and apply on the way in, with mesh, verify, snapshot and status. This package only knows
// in which order they start, and who hears of what.
package node
