package job

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// Room bounds the bytes of rows that all jobs of a process hold at a time, on their way from sources to destinations
// (promise 12). A few bytes may be held without asking, so small rows never wait for large ones. For more, there is one
// rule: a holder may take more room if some is free, but never waits for it. So whoever waits holds nothing, and
// no holder is ever stuck. A row larger than the room takes all of it. The zero value is not ready; a nil Room bounds
// nothing.
type Room struct{ free *semaphore.Weighted }

const (
	roomBytes  = 8 << 20
	freeBytes  = 256 << 10 // each reading, and each sender's flight, may hold this much without asking
	stepBytes  = 1 << 20   // taken at a time
	largeBytes = 1 << 20   // before a row of this size is loaded, memory left by others is freed; see sweep
)

// NewRoom returns a Room for all jobs of a process.
func NewRoom() *Room { return &Room{semaphore.NewWeighted(roomBytes)} }

// held is the part of the room that one goroutine uses.
type held struct {
	room  *Room
	bytes int64
}

// covers reports whether n bytes may be held, and takes the room needed if it is free.
func (h *held) covers(n int) bool {
	if h.room == nil || n <= freeBytes || int64(n) <= h.bytes {
		return true
	}
	more := min((int64(n)+stepBytes-1)/stepBytes*stepBytes, roomBytes) - h.bytes
	if more > 0 && !h.room.free.TryAcquire(more) {
		return false
	}
	h.bytes += more
	return true
}

// wait waits until n bytes may be held. Until then it holds nothing.
func (h *held) wait(ctx context.Context, n int) error {
	h.give()
	if h.room == nil || n <= freeBytes {
		return nil
	}
	part := min(int64(n), roomBytes)
	if err := h.room.free.Acquire(ctx, part); err != nil {
		return err
	}
	h.bytes = part
	return nil
}

// sweep returns unused memory to the system before a large row of n bytes takes its own: the runtime's limit does not count
// SQLite's memory.
func sweep(n int) {
	if n >= largeBytes {
		debug.FreeOSMemory()
	}
}

// shrink gives back the room that n bytes do not need.
func (h *held) shrink(n int) {
	need := int64(0)
	if n > freeBytes {
		need = min(int64(n), roomBytes)
	}
	if more := h.bytes - need; more > 0 {
		h.room.free.Release(more)
		h.bytes = need
	}
}

// give gives all back.
func (h *held) give() { h.shrink(0) }
