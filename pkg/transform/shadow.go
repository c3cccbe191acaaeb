//go:build !race

package transform

// shadow is the race detector's memory; none, since it is not built in.
const shadow = 0
