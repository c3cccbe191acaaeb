// Package dispatch hands each message that comes in to the part of the node that it is for, and tells the parts about
// changes to the connection and to the other clients.
//
//   - Promise 8: what is not let in is refused by nothing but its topic and size.
//   - Promise 9: a message that makes the node panic costs itself alone.
//
// Nothing else can come in while it takes a message: rows go to the receiver at once, and what needs the
// database, or is large to read, waits in the mail.
package dispatch
