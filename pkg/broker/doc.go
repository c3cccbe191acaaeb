// Package broker is an MQTT broker inside the daemon, for small installations and trials.
//
// It keeps nothing on disk: whatever it holds when it stops is gone, and the nodes' outboxes send
// it again, since promise 1 does not depend on a broker. Users log in with a password, and a user
// bound to a client has only that client's topics (promise 8).
package broker
