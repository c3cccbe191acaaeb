// Package mesh is what a node knows about the other clients, and what it tells them about itself.
//
// From presence it knows who is there; from announcements, what each client speaks and takes, and how messages to it are sealed.
// A [Mesh] also sends the node's own presence and announcement, by which the others know the same about it. It neither reads nor
// sends rows: senders ask it before they send.
//
//   - Promise 3: once a client was met as a node, nothing goes to it or is taken from it by version 1, which carries no versions.
//   - Promise 8: nothing goes in the clear to a client that must be sent sealed messages, nor is it taken from one.
//   - Promise 9: what is refused is logged with its reason.
//   - Promise 10: the clients that are remembered and the lines about each in the log are bounded, however many names somebody
//     invents.
//
// What an announcement changes, what the broker retains of the node's own, and whether a remote can be reached are decided
// without a clock or a connection.
package mesh
