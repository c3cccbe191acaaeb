// Package value converts column values between their three forms.
//
// Stored form: the bytes with which a server prints a column in the node's sessions (nil is NULL).
// It travels in a batch and is bound when a row is written. Entity form: the Go values used by a
// transformer and by the JSON of wire version 1. Key form: the bytes that identify a row, the same
// on every node whatever the column's character set.
//
// It keeps promise 9 for values: bytes that do not fit a column give an error that names the
// column, never a panic. Talking to a server is left to others.
package value
