package status

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Bounds of what looking at a running node costs.
const (
	// stateAge is how old a state may be: all who ask within it share one, so that many
	// readers cost the database no more than one.
	stateAge = 900 * time.Millisecond
	lookRows = 10_000          // of one kind, for one remote
	lookTime = 3 * time.Second // for all
)

// errStarting is what is answered before the node works.
var errStarting = errors.New("the node is starting: it waits for its database")

// Running is a running node as people see it: its state, and the requests that its own
// tables suffice for. It is safe for concurrent use.
type Running struct {
	Traffic  *Traffic
	Verified Verified

	cfg   *config.Config
	now   func() time.Time
	live  func() Live
	pulse *Pulse
	own   atomic.Pointer[opened] // nil: the node waits for its database

	turn  chan struct{} // one finds out at a time
	stale atomic.Bool   // what was found out does not hold any more

	// Guarded by turn:
	state *State
	at    time.Time
	last  *own
}

// opened are the own tables of a node that works.
type opened struct {
	*Desk
	tables *tables
}

// NewRunning returns a node that waits for its database. live returns what goes on in it;
// clients are those it deals with, and others says whether it deals with any others.
func NewRunning(cfg *config.Config, now func() time.Time, clients []string, others bool, live func() Live) *Running {
	names := make([]string, 0, len(cfg.SyncTables))
	for _, t := range tablesOf(cfg) {
		names = append(names, t.Name)
	}
	return &Running{Traffic: NewTraffic(now, clients, names, others), cfg: cfg, now: now, live: live,
		pulse: NewPulse(mysqldb.Address(cfg.MySQL), now()), turn: make(chan struct{}, 1), last: newOwn()}
}

// Open is called when the node has its database. The stream is counted up to what end
// returns.
func (r *Running) Open(db *mysqldb.DB, known *schema.Tables, o *outbox.Outbox, end func(context.Context) (int64, error)) {
	r.pulse.answers(r.now(), db.Version)
	r.own.Store(&opened{NewDesk(r.cfg, db, known, o), &tables{r.cfg, db, o, end, lookRows}})
}

// Opened reports whether Open was called.
func (r *Running) Opened() bool { return r.own.Load() != nil }

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
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pulseEvery):
		}
	}
}

// Renew has the next caller of State get a new one.
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
	l := r.live()
	for name, c := range l.Clients {
		c.Ahead = max(c.Ahead, r.Traffic.ahead(name))
		l.Clients[name] = c
	}
	s := about(r.cfg, r.pulse.read(), &l, now)
	var unreadable error
	if o := r.own.Load(); o != nil {
		short, cancel := context.WithTimeout(ctx, lookTime)
		unreadable = r.last.read(short, o.tables, now)
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		(&builder{s, r.cfg, r.last, &l, r.Traffic}).build()
		s.Verified = r.Verified.all()
	}
	s.Problems = problems(s, &l, unreadable)
	r.state, r.at = s, r.now()
	return s, nil
}

// Ask answers a question that needs the database. If that is away, or goes away meanwhile,
// the error says so: a database that hangs would otherwise be waited for forever.
func Ask[T any](ctx context.Context, r *Running, question func(context.Context, *Desk) (T, error)) (answer T, err error) {
	o := r.own.Load()
	if o == nil {
		return answer, Kind(ErrUnavailable, errStarting)
	}
	ctx, done := r.pulse.while(ctx)
	defer done()
	if err = context.Cause(ctx); err == nil {
		answer, err = question(ctx, o.Desk)
	}
	if gone := new(away); err != nil && errors.As(context.Cause(ctx), gone) {
		err = Kind(ErrUnavailable, *gone)
	}
	return answer, err
}

// do is Ask for a question without an answer.
func (r *Running) do(ctx context.Context, question func(context.Context, *Desk) error) error {
	_, err := Ask(ctx, r, func(ctx context.Context, d *Desk) (struct{}, error) { return struct{}{}, question(ctx, d) })
	return err
}

// Errors returns rows that are refused, the latest first, at most limit.
func (r *Running) Errors(ctx context.Context, of Rows, limit int) ([]RowError, error) {
	return Ask(ctx, r, func(ctx context.Context, d *Desk) ([]RowError, error) { return d.Errors(ctx, of, limit) })
}

// Retry makes refused rows ready to be sent again, and returns how many.
func (r *Running) Retry(ctx context.Context, of Rows) (int64, error) {
	defer r.Renew()
	return Ask(ctx, r, func(ctx context.Context, d *Desk) (int64, error) { return d.Retry(ctx, of) })
}

// Conflicts returns at most limit conflicts before the one with a number (0: the latest).
func (r *Running) Conflicts(ctx context.Context, before uint64, limit int) ([]Conflict, error) {
	return Ask(ctx, r, func(ctx context.Context, d *Desk) ([]Conflict, error) { return d.Conflicts(ctx, before, limit) })
}

// Conflict returns one, with the row as it is.
func (r *Running) Conflict(ctx context.Context, conflict uint64) (*ConflictNow, error) {
	return Ask(ctx, r, func(ctx context.Context, d *Desk) (*ConflictNow, error) { return d.Conflict(ctx, conflict) })
}

// PutBack writes the row that lost a conflict over the one that stands.
func (r *Running) PutBack(ctx context.Context, conflict uint64, how PutBack) error {
	defer r.Renew()
	return r.do(ctx, func(ctx context.Context, d *Desk) error { return d.PutBack(ctx, conflict, how) })
}

// Resync sends a table again.
func (r *Running) Resync(ctx context.Context, x Resync) error {
	defer r.Renew()
	return r.do(ctx, func(ctx context.Context, d *Desk) error { return d.Resync(ctx, x) })
}

// stepMost is how long a step may take before the node counts as stuck.
const stepMost = time.Minute

// Health returns what keeps the node from working; nil if nothing does.
func (r *Running) Health(context.Context) error {
	if !r.Opened() {
		return errStarting
	}
	if l := r.pulse.read(); !l.Online {
		return away{l}
	}
	n := r.live()
	if said := brokerProblem(n.Broker); said != "" {
		return errors.New(said)
	}
	if n.Step.Seconds > stepMost.Seconds() {
		return fmt.Errorf("%s has been at one step for %.0f s", n.Step.Loop, n.Step.Seconds)
	}
	return nil
}
