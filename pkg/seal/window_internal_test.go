package seal

import (
	"math/rand/v2"
	"testing"
)

// For any order of numbers, the window agrees with a list of all of them.
func TestWindowTakesEachNumberOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 200 {
		var w window
		come, top := map[uint64]bool{}, uint64(0)
		at := r.Uint64N(3000)
		for range 2000 {
			at += r.Uint64N([]uint64{2, 4, 70, 5000}[round%4])
			n := at - min(at, r.Uint64N(2*windowSize)*r.Uint64N(2))
			want := n != 0 && !come[n] && (n > top || top-n < windowSize)
			if got := !w.seen(n); got != want {
				t.Fatalf("round %d: seen(%d) = %v with the last one %d", round, n, !got, top)
			}
			if got := w.take(n); got != want {
				t.Fatalf("round %d: take(%d) = %v with the last one %d", round, n, got, top)
			}
			if want {
				come[n], top = true, max(top, n)
			}
		}
	}
	var w window
	for _, n := range []uint64{1<<64 - 1, 1<<64 - 2} {
		if !w.take(n) || w.take(n) {
			t.Errorf("%d is not accepted exactly once", n)
		}
	}
	if w.take(5) {
		t.Error("5 is accepted long after")
	}
}
