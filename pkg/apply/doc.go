// Package apply writes changes that came from remotes into the node's tables.
//
// In one transaction it locks the rows, reads their versions and the local changes not captured
// yet, decides, and writes the rows, their versions and what to pass on: promises 2, 3 and 6. A row
// that cannot be written is singled out and answered with its error; the others go in: promise 5.
// Foreign and unique keys hold at each commit, but foreign keys do not act on further rows, and
// no row is ever hit through a secondary unique key: promise 7. A change that waits for other rows
// is remembered, and goes in with them.
//
// Package receive checks who may send; package conflict decides between two versions.
package apply
