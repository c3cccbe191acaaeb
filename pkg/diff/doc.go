// Package diff tells whether a source's row differs from a destination's, and whether so many rows may be deleted.
//
// It keeps two promises of connectors: nothing that is unchanged is sent (3), and
// deletes are guarded (7). All of it is pure.
package diff
