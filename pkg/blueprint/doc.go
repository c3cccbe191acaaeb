// Package blueprint carries the definition of a table from one site to another, where the table is created.
//
// No SQL travels: Read takes a table apart into names, types, sizes and literals, and Table.Create builds a statement
// from them, after Table.Valid has checked each part (promise 8). A table that these parts cannot describe, such as one
// with an expression, comes with the reason instead, and has to be created by hand.
package blueprint
