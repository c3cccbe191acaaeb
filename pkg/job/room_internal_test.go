package job

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// A holder gets more room only if some is free; a row larger than the room waits until it is alone, and then passes.
func TestRoomIsTakenWithoutWaitingForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRoom()
		a, b, giant := held{room: r}, held{room: r}, held{room: r}
		if !a.covers(freeBytes) || a.bytes != 0 {
			t.Error("few bytes take room")
		}
		if !a.covers(5<<20) || b.covers(5<<20) || !b.covers(3<<20) || a.covers(6<<20) {
			t.Error("two hold more room than there is, or less")
		}
		passed := make(chan error, 1)
		go func() { passed <- giant.wait(t.Context(), 10*roomBytes) }()
		synctest.Wait()
		b.give()
		synctest.Wait()
		select {
		case err := <-passed:
			t.Errorf("a row that is larger than the room is not alone (%v)", err)
		default:
		}
		a.give()
		if err := <-passed; err != nil || giant.bytes != roomBytes {
			t.Errorf("it holds %d bytes, %v", giant.bytes, err)
		}
		if !a.covers(freeBytes) {
			t.Error("small rows wait for it")
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { passed <- a.wait(ctx, stepBytes) }()
		synctest.Wait()
		cancel()
		if err := <-passed; !errors.Is(err, context.Canceled) || a.bytes != 0 {
			t.Errorf("%v, holds %d bytes", err, a.bytes)
		}
		if giant.shrink(stepBytes); !a.covers(roomBytes-stepBytes) || b.covers(stepBytes) {
			t.Error("room given back is not free, or too much is")
		}
	})
}
