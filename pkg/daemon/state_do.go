package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// errStarting is what is answered before the node works.
var errStarting = errors.New("the node is starting: it waits for its database")

// ready returns an error until the node works.
func (n *Node) ready() error {
	if !n.wired.Load() {
		return status.Kind(status.ErrUnavailable, errStarting)
	}
	return nil
}

// withDatabase has a question answered that needs the own database. Where that is away,
// or goes away meanwhile, the error says so: one that hangs would be waited for without
// end.
func withDatabase[T any](ctx context.Context, n *Node, question func(context.Context) (T, error)) (answer T, err error) {
	if err := n.ready(); err != nil {
		return answer, err
	}
	ctx, done := n.pulse.while(ctx)
	defer done()
	if err = context.Cause(ctx); err == nil {
		answer, err = question(ctx)
	}
	if away := new(errAway); err != nil && errors.As(context.Cause(ctx), away) {
		err = status.Kind(status.ErrUnavailable, *away)
	}
	return answer, err
}

// Health says what keeps the node from its work; see web.Node.
func (n *Node) Health(context.Context) error {
	if !n.wired.Load() {
		return errStarting
	}
	if l := n.pulse.read(); !l.Online {
		return errAway{l}
	}
	if said := brokerProblem(n.brokerLink()); said != "" {
		return errors.New(said)
	}
	if x := n.step(); x.Seconds > stepMost.Seconds() {
		return fmt.Errorf("%s has been at one step for %.0f s", x.Loop, x.Seconds)
	}
	return nil
}

// stepMost is how long a step may take for the node to count as one that works.
const stepMost = time.Minute

// step returns what takes longest now.
func (n *Node) step() status.Step {
	loop, since := n.receiver.Longest()
	for remote, s := range n.senders {
		if at := s.beat.Since(); !at.IsZero() && (since.IsZero() || at.Before(since)) {
			loop, since = "outbound to "+remote, at
		}
	}
	if since.IsZero() {
		return status.Step{}
	}
	return status.Step{Loop: loop, Seconds: n.now().Sub(since).Seconds()}
}

// SetLogLevel changes what is logged; see web.Node.
func (n *Node) SetLogLevel(level string) error {
	if err := n.logging.SetLevel(level); err != nil {
		return status.Kind(status.ErrRequest, err)
	}
	n.watch.stale.Store(true)
	return nil
}

// Errors returns rows that are refused; see web.Node.
func (n *Node) Errors(ctx context.Context, of status.Rows, limit int) ([]status.RowError, error) {
	return withDatabase(ctx, n, func(ctx context.Context) ([]status.RowError, error) { return n.desk.Errors(ctx, of, limit) })
}

// Retry has refused rows sent again now; see web.Node.
func (n *Node) Retry(ctx context.Context, of status.Rows) (rows int64, err error) {
	rows, err = withDatabase(ctx, n, func(ctx context.Context) (int64, error) { return n.desk.Retry(ctx, of) })
	if n.wired.Load() {
		n.wakeMarked()
	}
	n.watch.stale.Store(true)
	return rows, err
}

// Conflicts returns those before one with a number; see web.Node.
func (n *Node) Conflicts(ctx context.Context, before uint64, limit int) ([]status.Conflict, error) {
	return withDatabase(ctx, n, func(ctx context.Context) ([]status.Conflict, error) { return n.desk.Conflicts(ctx, before, limit) })
}

// PutBack writes the row that lost a conflict over the one that stands; see
// web.Node.
func (n *Node) PutBack(ctx context.Context, conflict uint64, how status.PutBack) error {
	defer n.watch.stale.Store(true)
	_, err := withDatabase(ctx, n, func(ctx context.Context) (struct{}, error) { return struct{}{}, n.desk.PutBack(ctx, conflict, how) })
	return err
}

// Conflict returns one, with the row as it is; see web.Node.
func (n *Node) Conflict(ctx context.Context, conflict uint64) (*status.ConflictNow, error) {
	return withDatabase(ctx, n, func(ctx context.Context) (*status.ConflictNow, error) { return n.desk.Conflict(ctx, conflict) })
}

// Resync has a table sent again; see web.Node.
func (n *Node) Resync(ctx context.Context, r status.Resync) error {
	defer n.watch.stale.Store(true)
	_, err := withDatabase(ctx, n, func(ctx context.Context) (struct{}, error) { return struct{}{}, n.desk.Resync(ctx, r) })
	return err
}

// Verify compares tables with remotes, one after the other; see web.Node.
func (n *Node) Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error {
	if err := n.ready(); err != nil {
		return err
	}
	if len(v.Tables) == 0 {
		v.Tables = n.allTables()
	}
	if len(v.Remotes) == 0 {
		v.Remotes = n.cfg.RemoteClients
	}
	// What is repaired of a table needs that of its parents.
	groups, err := withDatabase(ctx, n, func(ctx context.Context) ([][]string, error) { return n.tables.ParentsFirst(ctx, v.Tables) })
	if err != nil {
		return err
	}
	for _, table := range slices.Concat(groups...) {
		for _, remote := range v.Remotes {
			c := status.Comparison{Remote: remote, Table: table, At: n.now()}
			err := n.desk.Known(remote, table)
			if err == nil {
				var found status.Comparison
				found, err = withDatabase(ctx, n, func(ctx context.Context) (status.Comparison, error) { return n.verify(ctx, remote, table, v.Repair) })
				if found.Table != "" {
					c = found
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				c.Error = err.Error()
			}
			if err := tell(c); err != nil {
				return err
			}
		}
	}
	return nil
}
