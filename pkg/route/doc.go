// Package route decides which remotes get which rows, and withdraws rows from remotes that should no longer have them.
//
// Each row of a routed table has a label: a number that stands for the values by which it is routed. It is stored beside
// the row's version, so that a deleted row still has one, and a changed row's former remotes are known. A row whose label
// changes is marked for the remotes that lose it. Whoever sends a row routes it by its current values, and withdraws it
// from remotes that should not have it. So nothing else about a row's past is needed.
//
//   - Promise 1: a row that moves is marked in the transaction that records it; a kill in any job repeats its last step.
//   - Promise 7: a remote gives back only what it got; see apply.
package route
