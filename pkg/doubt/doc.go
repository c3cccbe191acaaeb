// Package doubt remembers what a node is not sure of until a comparison resolves it: tables
// whose rows vanished without a trigger, tables whose writes may have been missed, and a
// database that was restored from a backup. A restart makes no table equal, so doubts are
// stored, and later runs report them too.
//
// Comparing is left to others; this package decides which doubts a comparison ends.
package doubt
