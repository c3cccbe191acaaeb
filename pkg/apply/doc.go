// Package apply writes changes that came from remotes into the node's tables.
//
// It locks the rows, reads their versions and the local changes that are not
// captured yet, decides, and writes rows, versions and what is to be passed on
// in one transaction: promises 2, 3 and 6. A row that cannot be written is
// singled out and answered with its error, the others go in: promise 5. What
// foreign and unique keys ask for holds at each commit, but nothing that they
// would do to further rows happens, and no row is ever hit through a secondary
// unique key: promise 7. What waits for other rows is remembered, and goes in
// with them.
//
// Checking who may send is the business of package receive; deciding between two
// versions that of package conflict.
package apply
