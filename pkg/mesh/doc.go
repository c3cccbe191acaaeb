// Package mesh is what a node knows of the others, and what it tells them of itself.
//
// Who is there, by what each says of itself; what each speaks and takes, by its announcement; how messages to it are sealed;
// and the node's own beats and announcement, of which others know the same. A [Mesh] has all of it. It looks into no row and
// sends none: senders ask it before they do.
//
//   - Promise 3: who was met as a node is never spoken to, nor heard, by version 1, which has no versions of rows.
//   - Promise 8: nothing goes in the clear to who must be sent sealed messages, nor is taken from them.
//   - Promise 9: what is refused is told with its reason.
//   - Promise 10: of clients, answers and lines in the log only so many are kept, whoever invents names.
//
// What an announcement changes, whether a remote may be spoken to, and what is known of the own announcement are decided
// without a clock or a connection of their own.
package mesh
