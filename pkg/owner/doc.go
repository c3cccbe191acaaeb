// Package owner sees to it that one node works on a database, and that the database is the one that the node knows.
//
// The [Lock] decides who becomes the owner; each transaction looks for itself whether its node is that still, so that a node
// that was paused, or cut off, writes nothing once another has begun. [Records], in a file beside the database, tell that the
// database was set back to a backup: what the node writes from then on are the writes of a new life. Promise 4.
package owner
