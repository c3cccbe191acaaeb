// Package connector wires a plan: it opens the state, the sources and the destinations, and runs the jobs on their
// schedules.
//
// run.go shows a connector's run on one screen. Package job does the runs; each service's adapter knows what that service
// needs.
package connector
