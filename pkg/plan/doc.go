// Package plan is what a connector has to do: its sources, its destinations, and
// the jobs that carry rows from one to the other.
//
// It is what every form of configuration becomes, the connector's own and those of
// other programs (package foreign). A plan is data; it is checked before it is
// made, and nothing in it is a secret that could be printed by mistake.
package plan
