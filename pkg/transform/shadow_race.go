//go:build race

package transform

// shadow is what the race detector takes besides the memory that it watches, 128 MiB at a time.
const shadow = 1 << 30
