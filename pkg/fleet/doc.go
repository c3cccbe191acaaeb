// Package fleet shows how all sites are from one place: it asks the partners for their summaries, and ranks them, worst first.
//
//   - Promise 8: a summary has numbers and the sentences of status.State.Problems, and no rows; what others send is checked
//     before it is kept (wire.Summary.Check).
//   - Promise 10: of each site that the configuration names, one summary is kept, and of others none.
//
// How a question travels is package verify's business.
package fleet
