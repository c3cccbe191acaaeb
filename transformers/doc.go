// Package transformers holds example transformer files, each with a test. Copy
// those you need into the directory named by transformerDirectory;
// docs/transformers.md is their manual.
package transformers
