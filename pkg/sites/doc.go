// Package sites lets sites join this node, its hub, and shuts them out again.
//
// Invitations and sites are rows of sync_invitations and sync_sites. Of a token there is only a hash, so whoever reads the
// database cannot use an open invitation; the keys of the sites that were let in are there, until they are dismissed. What a
// request says counts no more than its invitation allows: Decide, a pure function, holds the rules, and one transaction takes
// the use and lets the site in (promise 8). The package sends nothing by itself.
package sites
