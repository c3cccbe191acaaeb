// Package broker is an MQTT broker inside the daemon, for small installations and trials.
//
// It keeps nothing on disk: what it holds when it stops is gone, and the outboxes of the nodes send it again
// (Promise 1 does not rest on a broker). Users are let in by their password, and one that is bound to a client has the
// topics of that alone (Promise 8).
package broker
