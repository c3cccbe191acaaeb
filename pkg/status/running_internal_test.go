package status

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
)

// looked returns a node that waits for its database, and a count of how often its state was read.
func looked(l *Live) (r *Running, looks *int) {
	looks = new(int)
	cfg := &config.Config{ClientName: "hamburg", RemoteClients: []string{"berlin"}, SyncTables: []string{"orders"}}
	return NewRunning(cfg, Program{Log: logging.New(io.Discard)}, time.Now, func([]string, time.Time) Live {
		*looks++
		return *l
	}), looks
}

// TestARequestWaitsForANodeThatStarts asks a node before it works.
func TestARequestWaitsForANodeThatStarts(t *testing.T) {
	starts := func(t *testing.T, after time.Duration, away error) (waited time.Duration, err error) {
		synctest.Test(t, func(t *testing.T) {
			r, _ := looked(&Live{})
			r.pulse.note(time.Now(), away)
			asked := time.Now()
			time.AfterFunc(after, func() {
				r.pulse.answers(time.Now(), "10.11")
				r.own.Store(&opened{})
				close(r.open)
			})
			err = r.do(t.Context(), func(context.Context, *opened) error { return nil })
			waited = time.Since(asked)
			time.Sleep(after)
		})
		return waited, err
	}
	if waited, err := starts(t, time.Second, nil); err != nil || waited != time.Second {
		t.Errorf("one that takes a second: %v after %s", err, waited)
	}
	if waited, err := starts(t, time.Minute, nil); !errors.Is(err, errStarting) || !errors.Is(err, ErrUnavailable) || waited != startTime {
		t.Errorf("one that takes a minute: %v after %s", err, waited)
	}
	if waited, err := starts(t, time.Second, errors.New("refused")); !errors.Is(err, errStarting) || waited != 0 {
		t.Errorf("one whose database does not answer: %v after %s", err, waited)
	}
}

func TestCallersWithinASecondShareAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, looks := looked(&Live{})
		done := make(chan *State)
		for range 100 {
			go func() {
				s, err := r.State(t.Context())
				if err != nil {
					t.Error(err)
				}
				done <- s
			}()
		}
		first := <-done
		for range 99 {
			if s := <-done; s != first {
				t.Fatal("two callers get two states")
			}
		}
		if *looks != 1 {
			t.Errorf("100 callers read it %d times", *looks)
		}
		if err := r.SetLogLevel("debug"); err != nil {
			t.Error(err)
		}
		if s, err := r.State(t.Context()); err != nil || s.LogLevel != "debug" {
			t.Errorf("after a change: %+v, %v", s, err)
		}
		time.Sleep(time.Second)
		if s, err := r.State(t.Context()); err != nil || *looks != 3 || s == first {
			t.Errorf("a second later it was read %d times, %v", *looks, err)
		}
	})
}

func TestACancelledCallerDoesNotWaitForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Live
		r, _ := looked(&l)
		r.turn <- struct{}{} // another call blocks forever
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.State(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("State returned %v", err)
		}
	})
}

func TestWhyANodeIsNotReady(t *testing.T) {
	t.Parallel()
	now := time.Now()
	fine := Live{Broker: Link{Online: true, Address: "b:1883"}}
	for name, c := range map[string]struct {
		live func(*Live)
		away error // the database's error
		want string
	}{
		"nothing":              {func(*Live) {}, nil, ""},
		"the database is away": {func(*Live) {}, errors.New("refused"), "db:3306"},
		"the broker is away":   {func(l *Live) { l.Broker = Link{Address: "b:1883"} }, nil, "b:1883"},
		"the broker is silent": {func(l *Live) { l.Broker.Error = "no echo" }, nil, "(no echo)"},
		"a step":               {func(l *Live) { l.Step = Step{Loop: "outbound to berlin", Seconds: 59} }, nil, ""},
		"a step in progress":   {func(l *Live) { l.Step = Step{Loop: "outbound to berlin", Seconds: 61} }, nil, "outbound to berlin"},
	} {
		l := fine
		c.live(&l)
		r, _ := looked(&l)
		if err := r.Health(t.Context()); !errors.Is(err, errStarting) {
			t.Errorf("%s: before it has its database: %v", name, err)
		}
		r.pulse = NewPulse("db:3306", now)
		r.own.Store(&opened{Work: Work{Live: r.waiting}})
		r.pulse.answers(now, "10.11")
		if c.away != nil {
			r.pulse.note(now, c.away)
		}
		if err := r.Health(t.Context()); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", name, err, c.want)
		}
	}
}
