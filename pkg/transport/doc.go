// Package transport keeps a node's session with the MQTT broker.
//
// A [Session] connects, subscribes, publishes and hands over deliveries; when the connection is lost it makes a new one.
// The package does not look into messages: topics are strings here, and payloads bytes. Which clients exist is package
// mesh's business.
//
// What it does for the promises:
//
//   - Promise 1: nothing is queued here and nothing is resent from memory. A message is either acknowledged by the
//     broker, or its sender gets [ErrOffline] and still has it in the outbox. What comes is acknowledged only when its
//     receiver says so, so that the broker delivers it again otherwise.
//   - Promise 6: an acknowledgement is the receiver's call, after its commit.
//   - Promise 9: a refused login, a refused topic and a refused certificate are told with their reason.
//   - Promise 10: what is in flight is bounded, and so is a packet's size.
//
// An acknowledgement of the broker proves only that the broker was there: it may drop the message afterwards, and an
// MQTT 3.1.1 broker acknowledges also what its ACL denies. What a remote has is known from the remote alone; that is the
// business of package outbox.
package transport
