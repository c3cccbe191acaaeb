package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/node"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/systemd"
)

// played is a node that does what a test tells it to.
type played struct {
	runner
	name    string
	world   *world
	working chan struct{}
	check   error         // returned by Check
	fails   error         // returned by Run before the node works
	late    chan struct{} // the node works once this is closed; nil: at once
	slow    time.Duration // to stop
	ill     error         // returned by Health
	stuck   chan struct{} // which Health waits for; nil: it does not
}

func (p *played) Check(context.Context) error { return p.check }

func (p *played) Working() <-chan struct{} { return p.working }

func (p *played) Run(ctx context.Context) error {
	p.world.note(p.name + " runs")
	defer p.world.note(p.name + " ends")
	if p.fails != nil {
		return p.fails
	}
	if p.late != nil {
		select {
		case <-p.late:
		case <-ctx.Done():
			return nil
		}
	}
	close(p.working)
	<-ctx.Done()
	time.Sleep(p.slow)
	return nil
}

// Errors blocks as long as the node is being asked.
func (p *played) Errors(ctx context.Context, _ status.Rows, _ int) ([]status.RowError, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (p *played) State(context.Context) (*status.State, error) {
	return &status.State{Client: p.name}, nil
}

// world is a service with played nodes: a configuration's node is named by its clientName.
type world struct {
	*Service
	nodes map[string]*played
	reads []string // the configuration for each read in turn; the last one stays
	notes chan string
	ended chan error
	stop  context.CancelFunc
}

// newWorld runs a service in a bubble, whose node is the first of reads. change is applied to nodes
// before they run.
func newWorld(t *testing.T, change func(map[string]*played), reads ...string) *world {
	t.Helper()
	return newWorldUnder(t, &systemd.Manager{}, change, reads...)
}

// newWorldUnder is newWorld under a service manager.
func newWorldUnder(t *testing.T, m *systemd.Manager, change func(map[string]*played), reads ...string) *world {
	t.Helper()
	w := &world{nodes: map[string]*played{}, reads: reads, notes: make(chan string, 100), ended: make(chan error, 1)}
	for _, name := range reads {
		w.nodes[name] = &played{name: name, world: w}
	}
	if change != nil {
		change(w.nodes)
	}
	load := func([]byte) (*config.Config, []string, error) {
		name := w.reads[0]
		if len(w.reads) > 1 {
			w.reads = w.reads[1:]
		}
		if name == "" {
			return nil, nil, errors.New("a mistake")
		}
		return &config.Config{ClientName: name, QueueDirectory: t.TempDir(), LoggingLevel: "info", LoggingFormat: "console"}, nil, nil
	}
	w.Service = newService(load, logging.New(io.Discard), func(cfg *config.Config, _ node.Host, _ node.Meter) (runner, error) {
		p := *w.nodes[cfg.ClientName]
		p.working = make(chan struct{})
		return &p, nil
	})
	w.manager = m
	var err error
	if w.first, err = w.read(nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	go func() { w.ended <- w.Run(ctx) }()
	synctest.Wait()
	return w
}

func (w *world) note(text string) { w.notes <- text }

// over stops the service and compares what its nodes did with what they should have done.
func (w *world) over(t *testing.T, want ...string) {
	t.Helper()
	w.stop()
	if err := <-w.ended; err != nil {
		t.Errorf("the service returned %v", err)
	}
	close(w.notes)
	var got []string
	for x := range w.notes {
		got = append(got, x)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the nodes did %q, want %q", got, want)
	}
}

// says reports an error that does not have the expected text.
func says(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestANewNodeRunsAfterTheOldOneHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(nodes map[string]*played) { nodes["old"].slow = 20 * time.Second }, "old", "new")
		says(t, "the reload", w.Reload(t.Context()), "")
		if s, err := w.front.State(t.Context()); err != nil || s.Client != "new" {
			t.Errorf("got %+v, %v", s, err)
		}
		w.over(t, "old runs", "old ends", "new runs", "new ends")
	})
}

// Promise 9.
func TestAWrongConfigurationEndsNoNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(nodes map[string]*played) { nodes["wrong"].check = errors.New("no such table") }, "old", "", "wrong")
		for _, want := range []string{"not reloaded, the node carries on as before: a mistake", "not reloaded, the node carries on as before: no such table"} {
			err := w.Reload(t.Context())
			says(t, "the reload", err, want)
			if !errors.Is(err, status.ErrRequest) {
				t.Errorf("%v is not the caller's mistake", err)
			}
		}
		w.over(t, "old runs", "old ends")
	})
}

func TestANodeThatDoesNotWorkIsReplacedByThePreviousOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(nodes map[string]*played) { nodes["new"].fails = errors.New("the table is gone") }, "old", "new")
		says(t, "the reload", w.Reload(t.Context()), "the previous one is back: the table is gone")
		w.over(t, "old runs", "old ends", "new runs", "new ends", "old runs", "old ends")
	})
}

func TestTheFirstNodeThatFailsEndsTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(nodes map[string]*played) { nodes["old"].fails = errors.New("the login is refused") }, "old")
		says(t, "the service", <-w.ended, "the login is refused")
		says(t, "a reload", w.Reload(t.Context()), errReplaced.Error())
	})
}

func TestAReloadMayComeBeforeTheNodeWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late chan struct{}
		w := newWorld(t, func(nodes map[string]*played) {
			late = make(chan struct{})
			nodes["late"].late = late
		}, "old", "late", "new")
		first := make(chan error, 1)
		go func() { first <- w.Reload(t.Context()) }()
		synctest.Wait()
		time.Sleep(startTime) // the caller gets an answer
		says(t, "the first reload", <-first, "does not work after 1m0s")
		says(t, "the second", w.Reload(t.Context()), "")
		w.over(t, "old runs", "old ends", "late runs", "late ends", "new runs", "new ends")
	})
}

func TestTheNodeThatWorkedLastComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(nodes map[string]*played) {
			nodes["late"].late = make(chan struct{})
			nodes["wrong"].fails = errors.New("no")
		}, "old", "late", "wrong")
		go func() { _ = w.Reload(t.Context()) }()
		synctest.Wait()
		time.Sleep(startTime)
		synctest.Wait()
		says(t, "the reload", w.Reload(t.Context()), "the previous one is back: no")
		w.over(t, "old runs", "old ends", "late runs", "late ends", "wrong runs", "wrong ends", "old runs", "old ends")
	})
}

func TestAQuestionEndsWithItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, "old", "new")
		asked := make(chan error, 1)
		go func() {
			_, err := w.front.Errors(t.Context(), status.Rows{}, 1)
			asked <- err
		}()
		synctest.Wait()
		says(t, "the reload", w.Reload(t.Context()), "")
		if err := <-asked; !errors.Is(err, status.ErrUnavailable) || !strings.Contains(err.Error(), errReplaced.Error()) {
			t.Errorf("the question is answered with %v", err)
		}
		w.over(t, "old runs", "old ends", "new runs", "new ends")
	})
}

func TestReloadsRunOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := []string{"old"}
		var want []string
		for i := range 20 {
			reads = append(reads, fmt.Sprint("node ", i))
		}
		for _, name := range reads {
			want = append(want, name+" runs", name+" ends")
		}
		w := newWorld(t, nil, reads...)
		done := make(chan error)
		for range 20 {
			go func() { done <- w.Reload(t.Context()) }()
		}
		for range 20 {
			says(t, "a reload", <-done, "")
		}
		w.over(t, want...)
	})
}
