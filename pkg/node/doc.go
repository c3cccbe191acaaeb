// Package node is one node: it creates the parts that a change passes through, connects them, and
// runs them until it is told to stop.
//
// New makes what needs no database (mesh.Line), or fails. In Run, owner takes over the database; then
// everything that works on it is made at once (wire.go), and run (work.go). What happens to a row is the
// business of the parts; this package only knows their order, and who hears of what (events.go).
package node
