// Package schemafuzz tests random schemas: it creates tables with all kinds of keys, foreign keys
// and unique keys, has users of two or three real nodes write to them at the same time while faults
// happen, and checks the result.
//
// A Script is everything decided beforehand, a pure function of its seed: the tables, each
// statement of each transaction at each site, the faults, and how long locks are held. Play runs it
// on real servers. Their behaviour depends on timing, so a seed that fails once may have to be
// played several times to fail again, with the same tables and the same statements.
//
// In the end, when everything is healed and nothing is in flight, promises 1, 3 and 4 must hold:
// see Ledger. No foreign key may dangle, and if only one site writes at a time and sees all rows,
// nothing may be in conflict. With a Routing each site must have exactly its part.
package schemafuzz
