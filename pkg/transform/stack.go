//go:build !race

package transform

// maxStack bounds a stack of the process, whose memory is bounded too: no legitimate script needs as much. Go doubles a stack by
// copying it, and while it collects garbage it keeps all that the stack has had before: a script without memory of its own has
// room for that in overhead, whatever its limit.
const maxStack = 128 << 20
