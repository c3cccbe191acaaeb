// Package schemafuzz tries random schemas: it makes tables with any keys, foreign keys and unique keys, has users of two
// or three real nodes write them at the same time while faults happen, and looks at what is left.
//
// A Script is all that is decided beforehand, a pure function of its seed: the tables, each statement of each
// transaction at each site, the faults, and how long locks are held. Play plays it on real servers. What these do with
// the statements depends on when they get to them; so a seed that fails once may need to be played some times to fail
// again, with the same tables and the same statements.
//
// In the end, when all is healed and nothing is on its way any more, promises 1, 3 and 4 must hold: see Ledger. No foreign
// key may dangle, and where one site writes at a time nothing may be in conflict.
package schemafuzz
