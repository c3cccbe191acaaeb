package remote_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Many jobs, over several lives of a process, never send more than the limit allows in any window,
// and not much less.
func TestF16LimitsAreKeptByAllJobsAcrossRestarts(t *testing.T) {
	t.Parallel()
	for _, limit := range []remote.Limit{
		{Name: "airtable base appX", Requests: 5, Window: time.Second},
		{Name: "fliplet token", Requests: 200, Window: 10 * time.Second},
		{Name: "a service's hour", Requests: 300, Window: time.Hour},
		{Name: "one a second", Requests: 1, Window: time.Second},
	} {
		t.Run(limit.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := remote.Memory()
				var mu sync.Mutex
				var sent []time.Time
				begun := time.Now()
				for life := range 3 {
					budgets := remote.NewBudgets(store)
					var jobs sync.WaitGroup
					end := time.Now().Add(limit.Window * 6)
					for range 4 {
						jobs.Go(func() {
							for {
								wait, err := budgets.TakeForTest(t.Context(), limit, time.Until(end))
								if err != nil {
									t.Error(err)
								}
								if wait > 0 || !time.Now().Before(end) {
									return
								}
								mu.Lock()
								sent = append(sent, time.Now())
								mu.Unlock()
							}
						})
					}
					jobs.Wait()
					if used, err := budgets.Used(t.Context(), limit); err != nil || used == 0 || used > limit.Requests {
						t.Errorf("%d are used in life %d, %v", used, life, err)
					}
				}
				for i, at := range sent {
					if first := i - limit.Requests; first >= 0 && at.Sub(sent[first]) < limit.Window {
						t.Fatalf("%d requests were sent in %s", limit.Requests+1, at.Sub(sent[first]))
					}
				}
				windows := float64(time.Since(begun)) / float64(limit.Window)
				if least := 0.8*windows*float64(limit.Requests) - float64(limit.Requests); float64(len(sent)) < least {
					t.Errorf("%d requests were sent in %.1f windows of %d", len(sent), windows, limit.Requests)
				}
			})
		})
	}
}

// Requests and answers may take any time to arrive: the service never sees more than it allows.
func TestF16AServiceNeverSeesTooManyHoweverLongTheyTake(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		jobs, limit := n/2, remote.Limit{Name: "airtable base appX", Requests: 5, Window: time.Second}
		if n%2 == 1 {
			limit = remote.Limit{Name: "fliplet token", Requests: 200, Window: 10 * time.Second}
		}
		t.Run(fmt.Sprint(jobs+1, " ", limit.Name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budgets := remote.NewBudgets(remote.Memory())
				var mu sync.Mutex
				var arrived []time.Time
				var all sync.WaitGroup
				for j := range jobs + 1 {
					r := rand.New(rand.NewPCG(4711, uint64(j)))
					on := func() { time.Sleep(time.Duration(r.IntN(r.IntN(800)+1)) * time.Millisecond) }
					all.Go(func() {
						for range 40 * limit.Requests {
							leave, wait, err := budgets.EnterForTest(t.Context(), limit, time.Hour)
							if err == nil && wait == 0 {
								wait, err = budgets.TakeForTest(t.Context(), limit, time.Hour)
							}
							if err != nil || wait > 0 {
								t.Error(wait, err)
								return
							}
							on()
							mu.Lock()
							arrived = append(arrived, time.Now())
							mu.Unlock()
							on()
							leave(true)
						}
					})
				}
				all.Wait()
				time.Sleep(time.Minute) // until none counts anymore
				for i, at := range arrived {
					if first := i - limit.Requests; first >= 0 && at.Sub(arrived[first]) < limit.Window {
						t.Fatalf("%d requests arrived in %s", limit.Requests+1, at.Sub(arrived[first]))
					}
				}
			})
		})
	}
}

// Where a service allows many requests in a longer window, half of them need not wait for each other.
func TestF16ManyRequestsBeginAtOnce(t *testing.T) {
	t.Parallel()
	for limit, burst := range map[remote.Limit]int{
		{Name: "fliplet token", Requests: 200, Window: 10 * time.Second}:    100,
		{Name: "airtable token", Requests: 50, Window: time.Second}:         1, // a second is what clocks differ by
		{Name: "one in ten seconds", Requests: 1, Window: 10 * time.Second}: 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			budgets := remote.NewBudgets(remote.Memory())
			begun, n := time.Now(), 0
			for ; time.Since(begun) == 0; n++ {
				if wait, err := budgets.TakeForTest(t.Context(), limit, time.Hour); err != nil || wait > 0 {
					t.Fatal(wait, err)
				}
			}
			if n != burst+1 {
				t.Errorf("%s: %d went at once, want %d", limit.Name, n-1, burst)
			}
		})
	}
}

// ahead is a store of a process whose clock is ahead by some slots.
type ahead struct {
	remote.Store
	slots int64
}

func (a ahead) Take(ctx context.Context, limit string, now, first, last int64, most int) (bool, error) {
	return a.Store.Take(ctx, limit, now+a.slots, first+a.slots, last+a.slots, most)
}

// Nor does the service see too many if the process restarts, even with the clock set back by an hour.
func TestF16LimitsAreKeptWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	limit := remote.Limit{Name: "fliplet token", Requests: 200, Window: 10 * time.Second}
	for _, slots := range []int64{0, 50 * 360} {
		synctest.Test(t, func(t *testing.T) {
			store := remote.Memory()
			var sent []time.Time
			for _, s := range []remote.Store{ahead{store, slots}, store} {
				budgets := remote.NewBudgets(s)
				for range limit.Requests {
					if wait, err := budgets.TakeForTest(t.Context(), limit, time.Hour); err != nil || wait > 0 {
						t.Fatal(wait, err)
					}
					sent = append(sent, time.Now())
				}
			}
			for i, at := range sent[limit.Requests:] {
				if took := at.Sub(sent[i]); took < limit.Window {
					t.Fatalf("%d slots ahead: %d requests were sent in %s", slots, limit.Requests+1, took)
				}
			}
		})
	}
}

// A limit used up beyond the client's patience is an error that says how long it lasts.
func TestALimitThatIsUsedUpIsNotWaitedForForever(t *testing.T) {
	t.Parallel()
	budgets := remote.NewBudgets(remote.Memory())
	limit := remote.Limit{Name: "token of a month", Requests: 3, Window: 30 * 24 * time.Hour}
	n := 0
	c := serve(t, remote.Config{Budgets: budgets, Limits: []remote.Limit{limit}}, func(http.ResponseWriter, *http.Request) { n++ })
	other := serve(t, remote.Config{Budgets: budgets, Limits: []remote.Limit{limit}}, func(http.ResponseWriter, *http.Request) { n++ })
	for i := range 3 {
		if _, err := []*remote.Client{c, other}[i%2].Do(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	_, err := other.Do(t.Context(), commit)
	if e := failure(t, err); e.Next.Do != remote.Retry || e.Next.After <= 0 || e.Next.After > 15*time.Hour || n != 3 {
		t.Errorf("got %v, %v, after %d requests", e, e.Next, n)
	}
	if want := fmt.Sprintf("commit entries: %s: not sent: the limit of token of a month is used up", other.Host()); err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// A computer whose clock was hours ahead before a restart waits for a window, not for hours.
func TestSlotsFarAheadAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := remote.Memory()
		limit := remote.Limit{Name: "base", Requests: 2, Window: 10 * time.Second}
		slot := int64(time.Duration(time.Now().Add(5*time.Hour).UnixNano()) / (limit.Window / 50))
		for range 2 {
			if ok, err := store.Take(t.Context(), limit.Name, slot, slot-50, slot+50, 2); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		begun := time.Now()
		wait, err := remote.NewBudgets(store).TakeForTest(t.Context(), limit, time.Minute)
		if took := time.Since(begun); wait != 0 || err != nil || took < limit.Window || took > 2*limit.Window {
			t.Errorf("got %s, %v after %s", wait, err, took)
		}
	})
}

// A hold requested by a service outlives the process that received it.
func TestAHoldOutlivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := remote.Memory()
		limit := remote.Limit{Name: "airtable base appX", Requests: 5, Window: time.Second}
		first := remote.NewBudgets(store)
		if err := first.Hold(t.Context(), limit.Name, 30*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := first.Hold(t.Context(), limit.Name, time.Second); err != nil { // an earlier end changes nothing
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, budgets := range []*remote.Budgets{first, remote.NewBudgets(store)} {
			if wait, err := budgets.TakeForTest(t.Context(), limit, time.Second); wait != 20*time.Second || err != nil {
				t.Errorf("got %s, %v", wait, err)
			}
		}
		begun := time.Now()
		if wait, err := first.TakeForTest(t.Context(), limit, time.Minute); wait != 0 || err != nil || time.Since(begun) != 20*time.Second {
			t.Errorf("got %s, %v after %s", wait, err, time.Since(begun))
		}
		// A clock that was a year ahead does not stop a connector for a year.
		if err := store.Hold(t.Context(), limit.Name, time.Now().AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		if wait, err := remote.NewBudgets(store).TakeForTest(t.Context(), limit, time.Second); wait != 24*time.Hour || err != nil {
			t.Errorf("got %s, %v", wait, err)
		}
	})
}

type brokenStore struct{ remote.Store }

func (brokenStore) Take(context.Context, string, int64, int64, int64, int) (bool, error) {
	return false, errors.New("disk full")
}

// If requests cannot be counted, nothing is sent.
func TestAStoreThatFailsSendsNothing(t *testing.T) {
	t.Parallel()
	c := serve(t, remote.Config{Budgets: remote.NewBudgets(brokenStore{remote.Memory()}), Limits: []remote.Limit{{Name: "base", Requests: 5, Window: time.Hour}}},
		func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	_, err := c.Do(t.Context(), commit)
	if e := failure(t, err); e.Next.Do != remote.Retry || e.Status != 0 || !strings.Contains(e.Error(), "disk full") {
		t.Errorf("got %v, %v", e, e.Next)
	}
}
