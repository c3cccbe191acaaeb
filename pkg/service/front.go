package service

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/web"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

var _ web.Node = (*front)(nil)

// errReplaced answers a request that a node had not finished when it was replaced.
var errReplaced = errors.New("the node stopped or was reloaded meanwhile: try again")

// tenant is a node with the time during which it can be asked.
type tenant struct {
	*attempt
	life context.Context // of this run of the node
	stop context.CancelFunc
}

func newTenant(ctx context.Context, a *attempt) *tenant {
	t := &tenant{attempt: a}
	t.life, t.stop = context.WithCancel(ctx)
	return t
}

// front answers at the Unix socket and at http.listen by asking the running node. It outlives the nodes of a Service,
// so that a reload cuts no connection.
type front struct {
	log    *zap.Logger
	reload func(context.Context) error
	server *web.Server
	tenant atomic.Pointer[tenant]

	opened chan *serve.Listener // to be served
	ended  chan error           // why one is no longer served

	mu     sync.Mutex
	socket *serve.Listener // nil: none
	path   string          // of socket
	page   *serve.Listener // likewise
}

func newFront(log *logging.Log, reload func(context.Context) error) *front {
	f := &front{log: log.Logger, reload: reload, opened: make(chan *serve.Listener), ended: make(chan error, 1)}
	f.server = web.New(f, log, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.tenant.Load().scrape.ServeHTTP(w, r)
	}))
	return f
}

// run serves the opened listeners until ctx ends.
func (f *front) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case l := <-f.opened:
			wg.Go(func() {
				if err := l.Run(ctx); err != nil {
					select {
					case f.ended <- err:
					default: // one is enough to stop the node
					}
				}
			})
		case <-ctx.Done():
			return
		}
	}
}

func (f *front) open(ctx context.Context, l *serve.Listener) error {
	select {
	case f.opened <- l:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), l.Close())
	}
}

// listenEarly opens the page of a node that still waits for its database. If another
// node's page is open, it stays until this node works.
func (f *front) listenEarly(ctx context.Context, cfg config.HTTP) error {
	f.mu.Lock()
	there := f.page != nil
	f.mu.Unlock()
	if there || cfg.Listen == "" {
		return nil
	}
	return f.listen(ctx, cfg)
}

// listen opens the page as configured. A listener that fits is kept, with its
// connections.
func (f *front) listen(ctx context.Context, cfg config.HTTP) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.page != nil && f.page.Fits(serve.Config(cfg)) {
		return f.page.Renew(serve.Config(cfg))
	}
	if f.page != nil {
		f.page.Retire()
		f.page = nil
	}
	if cfg.Listen == "" {
		return nil
	}
	l, err := f.server.Listen(ctx, f.log.Named("http"), cfg)
	if err != nil {
		return err
	}
	if err := f.open(ctx, l); err != nil {
		return err // the node is being replaced, and the next one listens: no one serves this listener
	}
	f.page = l
	return nil
}

// control opens the configured socket. If that fails, the error is logged and the node
// runs without it.
func (f *front) control(ctx context.Context, cfg *config.Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := Socket(cfg)
	if f.socket != nil {
		if _, err := os.Lstat(path); err == nil && path == f.path {
			return
		}
		f.socket.Retire()
		f.socket = nil
	}
	l, err := listenSocket(ctx, cfg)
	if err != nil {
		f.log.Error("commands that ask the running node will not work", zap.Error(err))
		return
	}
	f.socket, f.path = serve.NewListener(l, f.server.Socket()), path
	if f.open(ctx, f.socket) != nil { // the node stops
		f.socket = nil
	}
}

// ask has a node answer, as long as it runs.
func ask[T any](ctx context.Context, t *tenant, question func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.life, cancel)()
	answer, err := question(ctx)
	if err != nil && t.life.Err() != nil {
		err = status.Kind(status.ErrUnavailable, errReplaced)
	}
	return answer, err
}

func do(ctx context.Context, t *tenant, question func(context.Context) error) error {
	_, err := ask(ctx, t, func(ctx context.Context) (struct{}, error) { return struct{}{}, question(ctx) })
	return err
}

// State asks the next node if the one asked is replaced meanwhile.
func (f *front) State(ctx context.Context) (*status.State, error) {
	for {
		t := f.tenant.Load()
		s, err := ask(ctx, t, t.State)
		if err == nil || t == f.tenant.Load() || ctx.Err() != nil {
			return s, err
		}
	}
}

func (f *front) Errors(ctx context.Context, of status.Rows, limit int) ([]status.RowError, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) ([]status.RowError, error) { return t.Errors(ctx, of, limit) })
}

func (f *front) Retry(ctx context.Context, of status.Rows) (int64, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (int64, error) { return t.Retry(ctx, of) })
}

func (f *front) Conflicts(ctx context.Context, of status.ConflictsAsk) ([]status.Conflict, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) ([]status.Conflict, error) { return t.Conflicts(ctx, of) })
}

func (f *front) Conflict(ctx context.Context, conflict uint64) (*status.ConflictNow, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (*status.ConflictNow, error) { return t.Conflict(ctx, conflict) })
}

func (f *front) PutBack(ctx context.Context, conflict uint64, how status.PutBack) error {
	t := f.tenant.Load()
	return do(ctx, t, func(ctx context.Context) error { return t.PutBack(ctx, conflict, how) })
}

func (f *front) Dismiss(ctx context.Context, d status.Dismiss) (int64, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (int64, error) { return t.Dismiss(ctx, d) })
}

func (f *front) KeepBoth(ctx context.Context, conflict uint64, how status.KeepBoth) (string, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (string, error) { return t.KeepBoth(ctx, conflict, how) })
}

func (f *front) Resync(ctx context.Context, r status.Resync) error {
	t := f.tenant.Load()
	return do(ctx, t, func(ctx context.Context) error { return t.Resync(ctx, r) })
}

func (f *front) Pause(ctx context.Context, p status.PauseAsk) error {
	t := f.tenant.Load()
	return do(ctx, t, func(ctx context.Context) error { return t.Pause(ctx, p) })
}

func (f *front) Resume(ctx context.Context, of status.ResumeAsk) ([]status.Pause, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) ([]status.Pause, error) { return t.Resume(ctx, of) })
}

func (f *front) Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error {
	t := f.tenant.Load()
	return do(ctx, t, func(ctx context.Context) error { return t.Verify(ctx, v, tell) })
}

func (f *front) Fleet(ctx context.Context) (*fleet.Fleet, error) {
	t := f.tenant.Load()
	return ask(ctx, t, t.Fleet)
}

// Configuration returns that of the running node.
func (f *front) Configuration() *config.Config { return f.tenant.Load().cfg }

func (f *front) History(ctx context.Context, site string) (*fleet.History, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (*fleet.History, error) { return t.History(ctx, site) })
}

func (f *front) Row(ctx context.Context, of status.RowAsk) (*status.Row, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (*status.Row, error) { return t.Row(ctx, of) })
}

func (f *front) At(ctx context.Context, site string, a wire.Act) (*status.Afar, error) {
	t := f.tenant.Load()
	return ask(ctx, t, func(ctx context.Context) (*status.Afar, error) { return t.At(ctx, site, a) })
}

func (f *front) Admit(ctx context.Context, a status.Admit) error {
	t := f.tenant.Load()
	return do(ctx, t, func(ctx context.Context) error { return t.Admit(ctx, a) })
}

func (f *front) Health(ctx context.Context) error {
	t := f.tenant.Load()
	return do(ctx, t, t.Health)
}

func (f *front) SetLogLevel(level string) error { return f.tenant.Load().SetLogLevel(level) }

func (f *front) Reload(ctx context.Context) error { return f.reload(ctx) }
