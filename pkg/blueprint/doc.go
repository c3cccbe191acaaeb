// Package blueprint carries what a table looks like from one site to another, where it is created.
//
// No SQL travels: Read takes a table apart into names, types, sizes and literals, and Table.Create builds a statement from
// them, after Table.Valid has checked each part (promise 8). What cannot be said in these parts, such as an expression, is
// left out with a reason, for a person to create the table.
package blueprint
