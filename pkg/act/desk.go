package act

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	actTime     = 20 * time.Second       // for what is done at once
	compareTime = time.Hour              // for comparisons
	recordTime  = 5 * time.Second        // to record an outcome while the node stops
	patience    = 500 * time.Millisecond // before a comparison is answered with "running"
	purgeEvery  = time.Hour
	saidEvery   = 10 * time.Second // between two log lines about refused questions
)

// Node does what is asked; see status.Running.
type Node interface {
	status.Node
	Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error
}

// Config configures a Desk.
type Config struct {
	Log  *zap.Logger
	Node *config.Config
	DB   *mysqldb.DB
	Now  func() time.Time
	Does Node
}

// Desk does what other nodes ask a running node to do. Answer may be called from any goroutine; Run is called once.
type Desk struct {
	Config
	comparisons chan job // one waits while another runs

	claims  sync.Mutex
	mu      sync.Mutex
	running map[name]bool
	said    time.Time
}

// name identifies an act.
type name struct{ client, id string }

// job is an act that takes its time.
type job struct {
	client string
	act    wire.Act
	over   chan wire.Acted // has one place, so that nobody needs to wait for it
}

// New returns a desk.
func New(c Config) *Desk {
	return &Desk{Config: c, comparisons: make(chan job, 1), running: map[name]bool{}}
}

// Run makes comparisons, and removes old records, until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for {
			select {
			case j := <-d.comparisons:
				j.over <- d.carryOut(ctx, j.client, &j.act, compareTime)
			case <-ctx.Done():
				return nil
			}
		}
	})
	g.Go(func() error {
		for {
			if err := purge(ctx, d.DB); err != nil && ctx.Err() == nil {
				d.Log.Debug("old records of what was done from afar were not removed", zap.Error(err))
			}
			if pause.For(ctx, purgeEvery) != nil {
				return nil
			}
		}
	})
	return g.Wait()
}

// Act does what a client asks for, or returns why nothing was done. sealed is the ID of the key that the question was sealed
// with; "": it came in the clear.
func (d *Desk) Act(ctx context.Context, client, sealed string, a *wire.Act) (wire.Acted, error) {
	x, err := d.act(ctx, client, sealed, a)
	if err != nil && mysqldb.Number(err) == 0 && ctx.Err() == nil {
		d.refused(client, a, err)
	}
	return x, err
}

func (d *Desk) act(ctx context.Context, client, sealed string, a *wire.Act) (wire.Acted, error) {
	if err := a.Check(); err != nil {
		return wire.Acted{}, err
	}
	if err := Allowed(d.Node, client, sealed, a); err != nil {
		return wire.Acted{}, err
	}
	if a.Do == wire.ActLook {
		return d.answer(d.look(ctx, client, a)), nil
	}
	digest, err := digestOf(a)
	if err != nil {
		return wire.Acted{}, err
	}
	was, running, err := d.claim(ctx, client, a, digest)
	if err != nil {
		return wire.Acted{}, err
	}
	if was != nil {
		return was.again(digest, running)
	}
	if a.Do != wire.ActVerify {
		return d.carryOut(ctx, client, a, actTime), nil
	}
	j := job{client, *a, make(chan wire.Acted, 1)}
	select {
	case d.comparisons <- j:
	default:
		return d.end(ctx, client, a, wire.Acted{Error: "another comparison that was asked for from afar is still running, and one more waits: try again later"}), nil
	}
	select {
	case x := <-j.over:
		return x, nil
	case <-time.After(patience):
	case <-ctx.Done():
	}
	return wire.Acted{Running: true}, nil
}

// carryOut does an act, and records the outcome.
func (d *Desk) carryOut(ctx context.Context, client string, a *wire.Act, most time.Duration) wire.Acted {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	x := d.answer(d.do(limited, client, a))
	return d.end(ctx, client, a, x)
}

// end records the outcome of an act, also while the node stops. If that fails, the answer is what a later question would get.
func (d *Desk) end(ctx context.Context, client string, a *wire.Act, x wire.Acted) wire.Acted {
	defer d.ended(name{client, a.ID})
	state := done
	if x.Error != "" {
		state = failed
	}
	fields := []zap.Field{zap.String("client", client), zap.String("person", a.By), zap.String("action", a.Do), zap.String("what", what(a))}
	outcome, err := json.Marshal(x)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
		defer cancel()
		err = finish(ctx, d.DB, client, a.ID, state, outcome)
	}
	switch {
	case err != nil:
		d.Log.Warn("done from afar, but the outcome could not be recorded", append(fields, zap.String("outcome", state), zap.Error(err))...)
	case x.Error != "":
		d.Log.Info("asked for from afar, but not done", append(fields, zap.String("reason", x.Error))...)
	default:
		d.Log.Info("done from afar", fields...)
	}
	return x
}

// claim is claim, one at a time: whether this run is at an act was read before the record, and nobody began it in between.
func (d *Desk) claim(ctx context.Context, client string, a *wire.Act, digest [sha256.Size]byte) (was *record, running bool, err error) {
	d.claims.Lock()
	defer d.claims.Unlock()
	at := name{client, a.ID}
	d.mu.Lock()
	running = d.running[at]
	d.mu.Unlock()
	was, err = claim(ctx, d.DB, client, a, digest, d.Now())
	if was == nil && err == nil {
		d.mu.Lock()
		d.running[at] = true
		d.mu.Unlock()
	}
	return was, running, err
}

func (d *Desk) ended(at name) {
	d.mu.Lock()
	delete(d.running, at)
	d.mu.Unlock()
}

// refused logs why nothing was done, now and then.
func (d *Desk) refused(client string, a *wire.Act, why error) {
	d.mu.Lock()
	tell := d.Now().Sub(d.said) >= saidEvery
	if tell {
		d.said = d.Now()
	}
	d.mu.Unlock()
	if tell {
		d.Log.Info("refused to do what was asked from afar", zap.String("client", client), zap.String("action", wire.Plain(a.Do, 20)), zap.Error(why))
	}
}

// answer puts a result, or why there is none, into the form in which it travels.
func (d *Desk) answer(x *status.Afar, err error) wire.Acted {
	if err != nil {
		return wire.Acted{Error: told(err)}
	}
	x.Now = d.Now().UTC()
	text, err := fit(x)
	if err != nil {
		return wire.Acted{Error: err.Error()}
	}
	return wire.Acted{Result: text}
}

// told is an error as others hear it: what the server says may name more than they may know.
func told(err error) string {
	if mysqldb.Number(err) != 0 || mysqldb.Transient(err) {
		return "the database there could not be used now; the log there says why"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "it took too long, and was given up"
	}
	return wire.Plain(err.Error(), wire.MostRefusal)
}

// do does an act. A panic costs only this act. Promise 9.
func (d *Desk) do(ctx context.Context, client string, a *wire.Act) (x *status.Afar, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.Log.Error("a bug: what was asked from afar caused a panic", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			x, err = nil, errPanic
		}
	}()
	switch a.Do {
	case wire.ActRetry:
		return d.retry(ctx, client, a)
	case wire.ActPause:
		return d.pause(ctx, client, a)
	case wire.ActResume:
		return d.resume(ctx, client, a)
	case wire.ActResync:
		return d.resync(ctx, a)
	default:
		return d.verify(ctx, client, a)
	}
}

var errPanic = errors.New("a bug there; see the log there")
