//go:build !race

package transform

// shadow is what the race detector takes where it is built in.
const shadow = 0
