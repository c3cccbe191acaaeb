package backup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// slow is a lease that a busy machine, too, renews in time: it has two thirds of it for that.
const slow = 6 * time.Second

// hold runs f with a state of a life while it holds the lease.
func hold(ctx context.Context, b *Backups, life, parent string, f func(ctx context.Context, stale bool) error) error {
	b.lineage = func() (string, string) { return life, parent }
	stale := false
	return b.Hold(ctx, zap.NewNop(), func(_ context.Context, s bool) error { stale = s; return nil }, func(ctx context.Context) error { return f(ctx, stale) })
}

// playLease works while it holds the lease: it says so, and ends when told to or killed.
func playLease(file, at string) error {
	b, err := fromAt(file, at)
	if err != nil {
		return err
	}
	b.lease = slow
	return hold(context.Background(), b, "life of "+file, "", func(ctx context.Context, stale bool) error {
		fmt.Println("works", stale)
		<-ctx.Done()
		return ctx.Err()
	})
}

func TestB07OnlyOneOfTwoMachinesWorks(t *testing.T) {
	t.Parallel()
	c := config(t)
	first, saidFirst := play(t, "lease", "life-1", at(c))
	if !saidFirst.Scan() || saidFirst.Text() != "works false" {
		t.Fatalf("the first printed %q", saidFirst.Text())
	}
	second, saidSecond := play(t, "lease", "life-2", at(c))
	works := make(chan string, 1)
	go func() { saidSecond.Scan(); works <- saidSecond.Text() }()
	object := object(c, leaseKey("acme/datahub/h-1/connector/c-7/life-1")) // the file is part of the key
	if _, err := os.Stat(object); err != nil {
		t.Fatal(err)
	}
	_ = second.Process.Kill()
	_ = second.Wait()
	<-works
	// The other machine of the same connector.
	third, saidThird := play(t, "lease", "life-1", at(c))
	go func() { saidThird.Scan(); works <- saidThird.Text() }()
	var written atomic.Int64
	testkit.Eventually(t, "the first to renew its lease", func() error {
		info, err := os.Stat(object)
		if err != nil {
			return nil
		}
		if written.Swap(info.ModTime().UnixNano()) != info.ModTime().UnixNano() && written.Load() != 0 {
			return errors.New("not yet")
		}
		return nil
	})
	select {
	case said := <-works:
		t.Fatalf("the other works too: %s", said)
	default:
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	if said := <-works; said != "works false" {
		t.Errorf("the other printed %q", said)
	}
	_ = third.Process.Kill()
	_ = third.Wait()
}

func TestB07NoTwoHoldTheLeaseAtOnce(t *testing.T) {
	t.Parallel()
	c := config(t)
	var working, turns atomic.Int64
	var g sync.WaitGroup
	for i := range 5 {
		b := backups(t, c, "connector.db")
		b.lease = slow
		g.Go(func() {
			if err := hold(t.Context(), b, fmt.Sprint(i), "", func(context.Context, bool) error {
				if n := working.Add(1); n != 1 {
					t.Errorf("%d work at once", n)
				}
				turns.Add(1)
				working.Add(-1)
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if turns.Load() != 5 {
		t.Errorf("%d had a turn", turns.Load())
	}
}

func TestB07AMachineThatCannotRenewItsLeaseStops(t *testing.T) {
	t.Parallel()
	c := config(t)
	var cut atomic.Bool
	honest := c
	c.S3.Endpoint = proxy(t, shared.store.Addr, func(w http.ResponseWriter, _ *http.Request) bool {
		if cut.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return cut.Load()
	}, nil)
	b := backups(t, c, "connector.db")
	b.lease = slow
	err := hold(t.Context(), b, "a", "", func(ctx context.Context, _ bool) error {
		cut.Store(true)
		began := time.Now()
		<-ctx.Done()
		if time.Since(began) > b.lease {
			t.Error("it stopped only after the lease expired") // only its own clock counts here
		}
		return nil
	})
	if !errors.Is(err, ErrLeaseLost) {
		t.Errorf("%v", err)
	}
	// The next one waits for it to expire, and learns that another state was used.
	next := backups(t, honest, "connector.db")
	next.lease = slow
	if err := hold(t.Context(), next, "b", "", func(_ context.Context, stale bool) error {
		if !stale {
			t.Error("it does not know that its own state is older")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	// It was released: the next one need not wait, whatever its duration.
	next.lease = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := hold(ctx, next, "b", "", func(_ context.Context, stale bool) error {
		if stale {
			t.Error("its own state was the last one")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// A lost answer must not cost the lease: the write may have succeeded.
func TestB07ALostAnswerDoesNotCostTheLease(t *testing.T) {
	t.Parallel()
	c := config(t)
	var lose atomic.Int64
	c.S3.Endpoint = proxy(t, shared.store.Addr, nil, func(r *http.Response) error {
		if r.Request.Method == http.MethodPut && r.StatusCode == http.StatusOK && lose.Add(1)%2 == 1 {
			return errors.New("lost")
		}
		return nil
	})
	b := backups(t, c, "connector.db")
	b.lease = slow
	if err := hold(t.Context(), b, "a", "", func(ctx context.Context, _ bool) error {
		testkit.Eventually(t, "four writes", func() error {
			if lose.Load() < 4 && ctx.Err() == nil {
				return errors.New("too few")
			}
			return nil
		})
		return ctx.Err()
	}); err != nil {
		t.Error(err)
	}
}

func TestB07AStaleStateIsReplacedOrRefused(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Lease = "10m" // released each time: nobody waits
	here, there := state(t), state(t)
	works := func(file string, change func(*Config)) error {
		c := c
		change(&c)
		b := backups(t, c, file)
		b.key, b.lease = "acme/state", 10*time.Minute // one connector, on two machines
		return b.Hold(t.Context(), zap.NewNop(), func(ctx context.Context, stale bool) error {
			_, err := b.Ready(ctx, stale, Restore{})
			return err
		}, func(ctx context.Context) error {
			l, err := ledger.Open(ctx, file, ledger.Config{})
			if err != nil {
				return err
			}
			defer l.Close()
			if err := errors.Join(l.Identify(ctx, acme), ran(ctx, l)); err != nil {
				return err
			}
			k, _ := keeper(b, l)
			k.Check(ctx)
			return nil
		})
	}
	runs := func(file string) int {
		l, err := ledger.View(t.Context(), file, ledger.Config{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := l.Runs(t.Context(), ledger.Which{Limit: 99})
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	auto := func(c *Config) { c.Restore = "auto" }
	if err := works(here, auto); err != nil {
		t.Fatal(err)
	}
	if err := works(here, auto); err != nil || runs(here) != 2 {
		t.Fatalf("%v, %d runs", err, runs(here)) // its own state is not stale
	}
	if err := works(there, auto); err != nil || runs(there) != 2 {
		t.Fatalf("%v, %d runs", err, runs(there)) // the copy was made after the first run
	}
	if err := works(here, func(*Config) {}); !errors.Is(err, ErrStale) || runs(here) != 2 {
		t.Fatalf("%v, %d runs", err, runs(here))
	}
	if err := works(here, auto); err != nil || runs(here) != 3 {
		t.Fatalf("%v, %d runs", err, runs(here))
	}
	if err := works(here, func(*Config) {}); err != nil || runs(here) != 4 {
		t.Fatalf("%v, %d runs", err, runs(here))
	}
}

// The service decides between two writers: it refuses a write over an object that has changed, or where one already
// exists.
func TestB07ALeaseIsWrittenOnlyOverTheVersionRead(t *testing.T) {
	t.Parallel()
	c := config(t)
	one := func(name string) *holder {
		b := backups(t, c, "connector.db")
		b.lease = 30 * time.Second
		return &holder{Backups: b, log: zap.NewNop(), name: name}
	}
	a, b := one("a"), one("b")
	if err := a.write(t.Context(), seen{}); err != nil {
		t.Fatal(err)
	}
	if err := b.write(t.Context(), seen{}); !errors.Is(err, errChanged) {
		t.Errorf("created over an existing one: %v", err)
	}
	old, err := b.read(t.Context())
	if err != nil || old.lease.Holder != "a" {
		t.Fatalf("%+v, %v", old, err)
	}
	if err := a.extend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.write(t.Context(), old); !errors.Is(err, errChanged) {
		t.Errorf("written over a renewed one: %v", err)
	}
	now, err := b.read(t.Context())
	if err == nil {
		err = b.write(t.Context(), now)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := a.extend(t.Context()); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("renewed though another holds it: %v", err)
	}
}
