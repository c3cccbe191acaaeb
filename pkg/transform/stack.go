//go:build !race

package transform

// maxStack bounds a stack of the process, whose memory is bounded too: no legitimate script needs as much.
const maxStack = 256 << 20
