// Package render turns rows of the database into what a remote should have: it reads their current
// state, runs the table's transformer and encodes the result, for batches and for version 1. Rows
// it cannot render are refused one by one, and rows that cannot be read now wait, so that no row
// and no table holds up the others. Promise 5.
package render
