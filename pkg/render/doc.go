// Package render makes of rows of the database what a remote is to have: it reads them as they are now, runs the table's
// transformer and encodes the result, for batches and for version 1. What it cannot make is refused row by row, and what
// cannot be read now waits, so that no row and no table holds up the others. Promise 5.
package render
