// Package fleet is what a node is to the other sites of its fleet, beside their rows. It watches all sites from one place: it
// asks the partners for their summaries, and sorts them, worst first. An Office lets sites join, leads them, and follows the
// node's own hub.
//
//   - Promise 8: a summary has numbers and the sentences of status.State.Problems, but no rows; a received one is validated
//     before it is kept (wire.Summary.Check).
//   - Promise 10: one summary is kept for each site in the configuration, and none for others.
//
// Package verify carries the questions.
package fleet
