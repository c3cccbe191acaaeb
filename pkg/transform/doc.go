// Package transform runs the JavaScript that a user put beside a table.
//
// A transformer changes a row before it is sent or before it is written, or
// says that the row is not for this target. It is a file named after its
// table, a CommonJS module that exports one function; docs/transformers.md is
// its manual.
//
// The package keeps promise 9 for scripts: one that throws, never returns, eats memory
// or returns nonsense gives an error that names its file and line, and harms no other
// row. Where the program allows it (see Main), each file runs in a process of its own,
// which has neither files nor network nor the node's memory; there a script that is
// written to harm ends its own process and costs its row. Else the limits are there for
// mistakes. Scripts reach nothing but the Querier and the Publisher that the caller
// gives.
//
// What an error or a dropped row means for the stream is left to the caller.
package transform
