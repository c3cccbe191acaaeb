// Package transform runs the JavaScript that a user wrote for a table.
//
// A transformer changes a row before it is sent or written, or says that the row is not for this
// target. It is a file named after its table, a CommonJS module that exports one function;
// docs/transformers.md is its manual.
//
// The package keeps promise 9 for scripts: one that throws, never returns, eats memory or returns
// nonsense gives an error that names its file and line, and harms no other row. If the program
// supports it (see Main), each file runs in its own process, without access to files, network or
// the node's memory; there a malicious script ends only its own process and costs only its row.
// Otherwise the limits only guard against mistakes. Scripts reach nothing but the Querier and the
// Publisher passed by the caller.
//
// What an error or a dropped row means for the stream is left to the caller.
package transform
