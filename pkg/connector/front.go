package connector

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

const (
	handoverMost = 30 * time.Second // how long a request waits for a connector to start; then it is told to try again
	handoverRoom = 100              // how many requests wait
	leaveMost    = time.Second      // for answers in progress when a connector stops
)

// errHandover answers a request for which no connector started in time.
var errHandover = serve.Kind(serve.ErrUnavailable, errors.New("the connector is being reloaded: try again"))

// tenant is what answers for a connector while that runs.
type tenant struct {
	socket, page http.Handler
	life         context.Context // of requests
	end          context.CancelFunc
	inside       sync.WaitGroup // of requests
}

// front serves the socket and the page of a connector. It outlives the connectors of a Service: a reload cuts no connection, and a
// request that comes while one connector replaces another waits for the next one.
type front struct {
	log     *zap.Logger
	waiting atomic.Int64

	mu      sync.Mutex
	tenant  *tenant         // nil: none
	changed chan struct{}   // closed when tenant is set
	served  sync.WaitGroup  // listeners
	life    context.Context // from begin on, of listeners
	page    *serve.Listener // nil: none
	local   bool            // whether page is loopback
	socket  *serve.Listener // nil: none
	path    string          // of socket
}

func newFront(log *zap.Logger) *front { return &front{log: log, changed: make(chan struct{})} }

// begin lets listeners be opened, until ctx ends.
func (f *front) begin(ctx context.Context) { f.life = ctx }

// wait waits until all listeners are closed, which they are after the end of life.
func (f *front) wait() { f.served.Wait() }

// open opens the page as configured. A listener that fits is kept, with its connections; one at another address stays until the
// new one is open. It reports whether the page is at a loopback address.
func (f *front) open(h plan.HTTP) (local bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cfg := serve.Config{Listen: h.Listen, Token: h.Token, Cert: h.Cert, Key: h.Key}
	old := f.page
	switch {
	case old == nil && cfg.Listen == "":
		return false, nil
	case old != nil && old.Fits(cfg):
		return f.local, old.Renew(cfg)
	case old != nil && (cfg.Listen == "" || old.At(cfg)):
		old.Retire()
		f.page, old = nil, nil
	}
	if cfg.Listen == "" {
		return false, nil
	}
	l, err := serve.Listen(f.life, f.log, cfg, func(here bool) http.Handler {
		local = here
		return f.gate(func(t *tenant) http.Handler { return t.page })
	})
	if err != nil {
		return false, err
	}
	if old != nil {
		old.Retire()
	}
	f.page, f.local = l, local
	f.serve(l)
	return local, nil
}

// control opens the socket. Jobs do not need it: if it fails, the error is logged.
func (f *front) control(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.socket != nil {
		if _, err := os.Lstat(path); err == nil && path == f.path {
			return
		}
		f.socket.Retire()
		f.socket = nil
	}
	l, err := serve.ListenSocket(f.life, path)
	if err != nil {
		f.log.Warn("commands cannot reach the connector", zap.Error(err))
		return
	}
	f.socket, f.path = serve.NewListener(l, serve.Hurried(f.gate(func(t *tenant) http.Handler { return t.socket }))), path
	f.serve(f.socket)
}

// serve serves a listener until it is retired, or the front ends.
func (f *front) serve(l *serve.Listener) {
	f.served.Go(func() {
		if err := l.Run(f.life); err != nil {
			f.log.Error("nobody can ask the connector any more", zap.Error(err))
		}
	})
}

// admit lets requests in to a tenant, until leave.
func (f *front) admit(t *tenant) {
	t.life, t.end = context.WithCancel(f.life)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tenant = t
	close(f.changed)
}

// bar keeps further requests waiting for the next tenant.
func (f *front) bar() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tenant != nil {
		f.tenant, f.changed = nil, make(chan struct{})
	}
}

// leave bars further requests, and gives those that the tenant answers a moment to end.
func (f *front) leave(t *tenant) {
	f.bar()
	empty := make(chan struct{})
	go func() { t.inside.Wait(); close(empty) }()
	for range 2 { // what still reads a request's body then finds the state closed
		select {
		case <-empty:
		case <-time.After(leaveMost):
		}
		t.end()
	}
}

// enter waits for a tenant, whose inside must be left.
func (f *front) enter(ctx context.Context) (*tenant, error) {
	try := func() (*tenant, <-chan struct{}) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.tenant != nil {
			f.tenant.inside.Add(1)
		}
		return f.tenant, f.changed
	}
	t, changed := try()
	if t != nil {
		return t, nil
	}
	defer f.waiting.Add(-1)
	if f.waiting.Add(1) > handoverRoom {
		return nil, errHandover
	}
	enough := time.NewTimer(handoverMost)
	defer enough.Stop()
	for t == nil {
		select {
		case <-changed:
			t, changed = try()
		case <-enough.C:
			return nil, errHandover
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return t, nil
}

// gate passes requests on to one of the tenant's handlers.
func (f *front) gate(to func(*tenant) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := f.enter(r.Context())
		if err != nil {
			serve.Refuse(w, err)
			return
		}
		defer t.inside.Done()
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		defer context.AfterFunc(t.life, func() { cancel(errHandover) })()
		to(t).ServeHTTP(w, r.WithContext(ctx))
	})
}
