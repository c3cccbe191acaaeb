// Package sites lets sites join this node, their hub, and dismisses them again.
//
// Invitations and sites are rows of sync_invitations and sync_sites. Only a hash of each token is stored, so a reader
// of the database cannot use an open invitation; the keys of sites that were let in are stored until they are
// dismissed. A request gets no more than its invitation allows: Decide, a pure function, has the rules, and one
// transaction counts the use and lets the site in (promise 8). The package sends nothing by itself.
package sites
