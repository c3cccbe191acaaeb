// Package mesh is what a node knows about the other clients, and what it tells them about itself.
//
// From presence it knows who is online; from announcements, what each client speaks and accepts, and how to seal messages
// to it. A [Mesh] also publishes the node's own presence and announcement, so that the others know the same about it. It
// neither reads nor sends rows: senders ask it before they send.
//
//   - Promise 3: once a client has been met as a node, nothing is sent to it or accepted from it by version 1, which carries
//     no versions.
//   - Promise 8: nothing is sent in the clear to a client that must seal, nor accepted in the clear from one.
//   - Promise 9: refused messages are logged with the reason.
//   - Promise 10: the remembered clients, and the log lines about each, are bounded, however many names someone invents.
//
// What an announcement changes, whether the broker retains the node's own, and whether a remote is reachable are decided
// by code without a clock or a connection.
package mesh
