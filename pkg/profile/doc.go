// Package profile defines the signed document in which a hub says what its sites' configurations have, and the file in
// which a site keeps the one that it has accepted.
//
// Promise 8: Open returns only what the holder of the hub's key has signed, for this hub and profile; whatever comes
// from outside is bounded and checked before use. The file is replaced as a whole, so that a kill at any point leaves
// the previous one. Which keys may be led, and when a version is accepted, is decided by packages config and lead.
package profile
