// Package route says which remotes have which rows, and takes rows from those that have them no more.
//
// Each row of a routed table has a label: the values by which it is routed, as a number. It is kept beside the row's
// version, so that it is known of a deleted row, and of which remotes a row was before it changed. A row that gets
// another label is marked for the remotes that had it; whoever sends a row judges it as it is then, and withdraws it
// from a remote that it is not for. So no one has to remember what a remote was sent.
//
//   - Promise 1: a row that moves is marked in the transaction that records it; a kill in any job repeats its last step.
//   - Promise 7: a remote gives back only what it got; see apply.
package route
