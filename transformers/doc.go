// Package transformers holds examples of transformer files, each with a test.
// Copy what fits into the directory that transformerDirectory names; their
// manual is docs/transformers.md.
package transformers
