// Package transport keeps a node's session with the MQTT broker.
//
// A [Session] connects, subscribes, publishes and hands over deliveries; when the connection is lost, it makes a new one.
// The package does not look into messages: topics are strings here, and payloads bytes. Package mesh knows which clients
// exist.
//
// What it does for the promises:
//
//   - Promise 1: nothing is queued here and nothing is resent from memory. A message is either acknowledged by the
//     broker, or its sender gets [ErrOffline] and still has it in the outbox. A received message is acknowledged only when
//     its receiver says so; otherwise the broker delivers it again.
//   - Promise 6: the receiver acknowledges, after its commit.
//   - Promise 9: a refused login, topic or certificate is reported with the reason.
//   - Promise 10: both the number of messages in flight and the size of a packet are bounded.
//
// An acknowledgement from the broker proves only that the broker was there: it may drop the message afterwards, and an
// MQTT 3.1.1 broker even acknowledges messages that its ACL denies. Only the remote itself can say what it has; package
// outbox keeps track of that.
package transport
