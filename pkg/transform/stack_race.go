//go:build race

package transform

// maxStack is less than what the race detector can follow, about 65,000 calls, before it ends the process itself.
const maxStack = 8 << 20
