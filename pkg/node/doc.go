// Package node is one node: it creates the parts that a change passes through, connects them, and
// runs them until it is told to stop.
//
// New makes what needs no database (mesh.Line), or fails. Run has owner take the database, makes all
// that works on it at once (wire.go), and runs that (work.go). What happens to a row is up to the
// parts' packages; this one only knows in which order they start, and who hears of what (events.go).
package node
