package job

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// Room bounds the bytes of rows that all jobs of a process hold at a time, on their way from sources to destinations
// (promise 12). Few bytes may be held without asking, so that small rows never wait for large ones. For more there is one
// rule: who holds some of the room takes more only if there is some, and never waits for it. So whoever waits holds
// nothing, and whoever holds some goes on to its end. A row that is larger than the room takes all of it. The zero value
// is not ready; a nil Room bounds nothing.
type Room struct{ free *semaphore.Weighted }

const (
	roomBytes  = 8 << 20
	freeBytes  = 256 << 10 // may be held without asking, by a reading and by a sender each
	stepBytes  = 1 << 20   // is taken at a time
	largeBytes = 1 << 20   // a row of so many is not in memory beside what others have left
)

// NewRoom returns a Room for all jobs of a process.
func NewRoom() *Room { return &Room{semaphore.NewWeighted(roomBytes)} }

// held is a part of the room, as one goroutine uses it.
type held struct {
	room  *Room
	bytes int64
}

// covers reports whether n bytes may be held, and takes what that needs if it is there.
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

// wait waits until n bytes may be held. Nothing is held before.
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

// sweep gives memory that rows have left back to the system before a row of n bytes takes as much, if that is a lot: the
// runtime's own goal does not count what SQLite takes.
func sweep(n int) {
	if n >= largeBytes {
		debug.FreeOSMemory()
	}
}

// shrink gives back what n bytes do not need.
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
