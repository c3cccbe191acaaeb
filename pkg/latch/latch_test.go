package latch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
)

func rows(keys ...string) []change.Row {
	list := make([]change.Row, len(keys))
	for i, k := range keys {
		list[i] = change.Row{Table: "t", Key: k}
	}
	return list
}

func TestOverlappingSetsExcludeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latch.Rows
		unlock, err := l.Lock(t.Context(), rows("a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan func(), 1)
		go func() {
			unlock, err := l.Lock(t.Context(), rows("b", "c"))
			if err != nil {
				t.Error(err)
			}
			got <- unlock
		}()
		synctest.Wait() // until the goroutine blocks
		select {
		case <-got:
			t.Fatal("b is latched twice")
		default:
		}
		unlock()
		(<-got)()
	})
}

func TestDisjointSetsDoNotWait(t *testing.T) {
	var l latch.Rows
	for _, set := range [][]change.Row{rows("a", "b"), rows("c"), {{Table: "u", Key: "a"}}, nil, rows("d", "d")} {
		unlock, err := l.Lock(t.Context(), set)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
	}
}

func TestAWaiterHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latch.Rows
		held, err := l.Lock(t.Context(), rows("b"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			unlock, err := l.Lock(t.Context(), rows("a", "b"))
			if err != nil {
				t.Error(err)
				return
			}
			unlock()
		}()
		synctest.Wait()
		other, err := l.Lock(t.Context(), rows("a"))
		if err != nil {
			t.Fatal(err)
		}
		held()
		other()
		<-done
	})
}

func TestCancellationEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latch.Rows
		unlock, err := l.Lock(t.Context(), rows("a"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := l.Lock(ctx, rows("a", "b"))
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the wait ended with %v", err)
		}
		unlock()
		for _, key := range []string{"a", "b"} {
			if unlock, err = l.Lock(t.Context(), rows(key)); err != nil {
				t.Fatal(err)
			}
			unlock()
		}
	})
}

// TestManyCallersNeverShareARow counts in plain variables, one per row: the race detector sees two
// callers that hold the same row.
func TestManyCallersNeverShareARow(t *testing.T) {
	const callers, rounds, keys = 8, 200, 5
	var l latch.Rows
	var counts [keys]int
	var want [callers][keys]int
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(c), 0))
			for range rounds {
				picked := r.Perm(keys)[:1+r.IntN(3)]
				var set []change.Row
				for _, k := range picked {
					set = append(set, rows(fmt.Sprint(k))...)
					want[c][k]++
				}
				unlock, err := l.Lock(context.Background(), set)
				if err != nil {
					t.Error(err)
					return
				}
				for _, k := range picked {
					counts[k]++
				}
				unlock()
			}
		})
	}
	wg.Wait()
	for k := range keys {
		sum := 0
		for c := range callers {
			sum += want[c][k]
		}
		if counts[k] != sum {
			t.Errorf("row %d was counted %d times, want %d", k, counts[k], sum)
		}
	}
}
