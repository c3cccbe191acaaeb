// Package peer is a destination reached over MQTT: a node, which gets batches, or an existing peer,
// which gets version-1 changes. Its announcement says which of the two it is; see package mesh.
package peer
