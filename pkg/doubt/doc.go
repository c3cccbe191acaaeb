// Package doubt remembers what a node is not sure of, until a comparison has shown it:
// tables of which rows went without a trigger, tables that may have been written while
// nobody captured them, and that the whole database was set back to a backup. A restart
// makes no table equal, so that it is written down, and told by the runs that follow.
//
// Comparing is left to others; whether what they found ends a doubt is decided here.
package doubt
