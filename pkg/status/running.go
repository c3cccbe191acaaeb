package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what looking at a running node costs.
const (
	// stateAge is how old a state may be: all requests within it share one, so that many readers cost the database no
	// more than one.
	stateAge = 900 * time.Millisecond
	lookRows = 10_000          // of one kind, for one remote
	lookTime = 3 * time.Second // for all

	// startTime is how long a request waits for a node that starts, or starts anew with another configuration.
	startTime = 5 * time.Second
)

// errStarting is the answer before the node works.
var errStarting = errors.New("the node is starting: it waits for its database")

// Running is a running node as people see it: its state, and the requests that its own
// tables suffice for. It is safe for concurrent use.
type Running struct {
	Traffic  *Traffic
	Verified Verified

	cfg     *config.Config
	now     func() time.Time
	program Program
	waiting func(clients []string, now time.Time) Live // see NewRunning
	pulse   *Pulse
	own     atomic.Pointer[opened] // nil: the node waits for its database
	open    chan struct{}          // closed once own is set

	turn  chan struct{} // one computes it at a time
	stale atomic.Bool   // the cached state is out of date

	// Guarded by turn:
	state *State
	at    time.Time
	last  *own
}

// Program is what runs a node.
type Program struct {
	Version string
	Started time.Time
	Log     *logging.Log
}

// Work is what a running node has once its database is there.
type Work struct {
	DB     *mysqldb.DB
	Tables *schema.Tables
	Outbox *outbox.Outbox
	Source capture.Source
	// End is the position up to which the stream is counted.
	End func(ctx context.Context) (int64, error)
	// Live tells what goes on in the node, and with some clients; see Stages.
	Live func(clients []string, now time.Time) Live
	// Marked is called when rows may have been marked for any remote.
	Marked func()
	// Paused is called when something was paused or resumed, and has the node do so.
	Paused func(ctx context.Context) error
	// Verify compares a table with that of a remote.
	Verify func(ctx context.Context, remote, table string, repair bool) (Comparison, error)
	// Row looks at a row, here and at the remotes.
	Row func(ctx context.Context, table, id string) (*Row, error)
	// Act has a site do something.
	Act func(ctx context.Context, site string, a wire.Act) (*Afar, error)
}

// opened is the work of a node, and its own tables.
type opened struct {
	Work
	*Desk
	own *tables
}

// NewRunning returns a node that waits for its database; live tells what goes on in it
// meanwhile.
func NewRunning(cfg *config.Config, p Program, now func() time.Time, live func(clients []string, now time.Time) Live) *Running {
	names := make([]string, 0, len(cfg.SyncTables))
	for _, t := range tablesOf(cfg) {
		names = append(names, t.Name)
	}
	return &Running{Traffic: NewTraffic(now, cfg.Clients(), names, slices.Contains(cfg.AcceptFrom, config.Anyone)), cfg: cfg, now: now, program: p, waiting: live,
		pulse: NewPulse(mysqldb.Address(cfg.MySQL), now()), open: make(chan struct{}), turn: make(chan struct{}, 1), last: newOwn()}
}

// Open is called when the node has its database.
func (r *Running) Open(w Work) {
	r.pulse.answers(r.now(), w.DB.Version)
	r.own.Store(&opened{w, NewDesk(r.cfg, w.DB, w.Tables, w.Outbox, w.Source), &tables{r.cfg, w.DB, w.Outbox, w.Source, w.End, lookRows}})
	close(r.open)
}

// look returns what goes on in the node.
func (r *Running) look() Live {
	live := r.waiting
	if o := r.own.Load(); o != nil {
		live = o.Live
	}
	return live(r.cfg.Clients(), r.now())
}

// Watch pings the database every second until ctx ends.
func (r *Running) Watch(ctx context.Context, db *mysqldb.DB) error {
	for {
		short, cancel := context.WithTimeout(ctx, pulseTime)
		err := db.PingContext(short)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		r.pulse.note(r.now(), err)
		if pause.For(ctx, pulseEvery) != nil {
			return nil
		}
	}
}

// Renew makes the next caller of State get a new one.
func (r *Running) Renew() { r.stale.Store(true) }

// Compared remembers a comparison.
func (r *Running) Compared(c Comparison) {
	r.Verified.note(c)
	r.Renew()
}

// State returns the node's state, which may be a second old. The caller must not change it.
func (r *Running) State(ctx context.Context) (*State, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := r.now()
	if age := now.Sub(r.at); r.state != nil && age >= 0 && age < stateAge && !r.stale.Swap(false) {
		return r.state, nil
	}
	l := r.look()
	for name, c := range l.Clients {
		c.Ahead = max(c.Ahead, r.Traffic.ahead(name))
		l.Clients[name] = c
	}
	s := about(r.cfg, r.pulse.read(), &l, now)
	s.Version, s.Started, s.LogLevel = r.program.Version, r.program.Started, r.program.Log.Level()
	var unreadable error
	if o := r.own.Load(); o != nil {
		short, cancel := context.WithTimeout(ctx, lookTime)
		unreadable = r.last.read(short, o.own, &l, now)
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		(&builder{s, r.cfg, r.last, &l, r.Traffic}).build()
		s.Verified = r.Verified.all()
	}
	s.Asking = l.Trouble.Asking
	s.Problems = problems(s, &l, unreadable)
	r.state, r.at = s, r.now()
	return s, nil
}

// opened returns the work of the node. If the node is starting, it waits for that, unless its database does not answer.
func (r *Running) opened(ctx context.Context) (*opened, error) {
	if o := r.own.Load(); o != nil {
		return o, nil
	}
	if r.pulse.read().Error != "" {
		return nil, Kind(ErrUnavailable, errStarting)
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case <-r.open:
		return r.own.Load(), nil
	case <-ctx.Done():
		return nil, Kind(ErrUnavailable, errStarting)
	}
}

// ask answers a question that needs the database. If that is unavailable, or becomes so meanwhile, the error says so: a
// database that hangs would otherwise be waited for forever.
func ask[T any](ctx context.Context, r *Running, question func(context.Context, *opened) (T, error)) (answer T, err error) {
	o, err := r.opened(ctx)
	if err != nil {
		return answer, err
	}
	ctx, done := r.pulse.while(ctx)
	defer done()
	if err = context.Cause(ctx); err == nil {
		answer, err = question(ctx, o)
	}
	if gone := new(away); err != nil && errors.As(context.Cause(ctx), gone) {
		err = Kind(ErrUnavailable, *gone)
	}
	return answer, err
}

// do is ask for a question without a result.
func (r *Running) do(ctx context.Context, question func(context.Context, *opened) error) error {
	_, err := ask(ctx, r, func(ctx context.Context, d *opened) (struct{}, error) { return struct{}{}, question(ctx, d) })
	return err
}

// Errors returns rows that are refused, the latest first, at most limit.
func (r *Running) Errors(ctx context.Context, of Rows, limit int) ([]RowError, error) {
	return ask(ctx, r, func(ctx context.Context, d *opened) ([]RowError, error) { return d.Errors(ctx, of, limit) })
}

// Retry makes refused rows ready to be sent again, and returns how many.
func (r *Running) Retry(ctx context.Context, of Rows) (int64, error) {
	defer r.Renew()
	rows, err := ask(ctx, r, func(ctx context.Context, d *opened) (int64, error) { return d.Retry(ctx, of) })
	if o := r.own.Load(); o != nil {
		o.Marked()
	}
	return rows, err
}

// Conflicts returns conflicts, the latest first.
func (r *Running) Conflicts(ctx context.Context, of ConflictsAsk) ([]Conflict, error) {
	return ask(ctx, r, func(ctx context.Context, d *opened) ([]Conflict, error) { return d.Conflicts(ctx, of) })
}

// Conflict returns one, with the row as it is.
func (r *Running) Conflict(ctx context.Context, conflict uint64) (*ConflictNow, error) {
	return ask(ctx, r, func(ctx context.Context, d *opened) (*ConflictNow, error) { return d.Conflict(ctx, conflict) })
}

// PutBack writes the row that lost a conflict over the current one.
func (r *Running) PutBack(ctx context.Context, conflict uint64, how PutBack) error {
	defer r.Renew()
	return r.do(ctx, func(ctx context.Context, d *opened) error { return d.PutBack(ctx, conflict, how) })
}

// Dismiss has conflicts no longer listed.
func (r *Running) Dismiss(ctx context.Context, x Dismiss) (int64, error) {
	defer r.Renew()
	return ask(ctx, r, func(ctx context.Context, d *opened) (int64, error) { return d.Dismiss(ctx, x) })
}

// KeepBoth inserts the row that lost a conflict under another key.
func (r *Running) KeepBoth(ctx context.Context, conflict uint64, how KeepBoth) (string, error) {
	defer r.Renew()
	return ask(ctx, r, func(ctx context.Context, d *opened) (string, error) { return d.KeepBoth(ctx, conflict, how) })
}

// Resync sends a table again.
func (r *Running) Resync(ctx context.Context, x Resync) error {
	defer r.Renew()
	return r.do(ctx, func(ctx context.Context, d *opened) error { return d.Resync(ctx, x) })
}

// Pause pauses sending.
func (r *Running) Pause(ctx context.Context, p PauseAsk) error {
	defer r.Renew()
	return r.do(ctx, func(ctx context.Context, d *opened) error {
		if err := d.Pause(ctx, p); err != nil {
			return err
		}
		return d.Paused(ctx)
	})
}

// Resume ends pauses, and returns them.
func (r *Running) Resume(ctx context.Context, of ResumeAsk) ([]Pause, error) {
	defer r.Renew()
	return ask(ctx, r, func(ctx context.Context, d *opened) ([]Pause, error) {
		ended, err := d.Resume(ctx, of)
		if err != nil {
			return nil, err
		}
		return ended, d.Paused(ctx)
	})
}

// SetLogLevel changes what is logged.
func (r *Running) SetLogLevel(level string) error {
	if err := r.program.Log.SetLevel(level); err != nil {
		return Kind(ErrRequest, err)
	}
	r.Renew()
	return nil
}

// stepMost is how long a step may take before the node counts as stuck.
const stepMost = time.Minute

// Health returns what keeps the node from working; nil if nothing does.
func (r *Running) Health(context.Context) error {
	if r.own.Load() == nil {
		return errStarting
	}
	if l := r.pulse.read(); !l.Online {
		return away{l}
	}
	n := r.look()
	if said := brokerProblem(n.Broker); said != "" {
		return errors.New(said)
	}
	if err := n.Trouble.Capture; err != nil {
		return fmt.Errorf("local writes are not captured: %w", err)
	}
	if n.Step.Seconds > stepMost.Seconds() {
		return fmt.Errorf("%s has been at one step for %.0f s", n.Step.Loop, n.Step.Seconds)
	}
	return nil
}
