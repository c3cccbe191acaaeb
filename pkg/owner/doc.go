// Package owner ensures that only one node uses a database, and that the database is the one that
// the node knows.
//
// The [Lock] decides who becomes the owner; each transaction checks for itself whether its node
// still is, so that a node that was paused, or cut off, writes nothing once another has begun.
// A node has it all as a [Database], with its own tables as this program has them. [Records], in a file outside the database, reveal that the database was restored from a backup:
// writes from then on belong to a new life. Promise 4.
package owner
