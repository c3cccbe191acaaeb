// Package peer is a destination that hears MQTT: a node, which is sent batches, or an existing peer, which is sent changes of
// version 1. Which of the two it is says its announcement; see package mesh.
package peer
