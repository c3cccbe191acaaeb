package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/journal"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// errStarting is what is answered before the node works.
var errStarting = errors.New("the node is starting: it waits for its database")

// ready returns an error until the node works.
func (n *Node) ready() error {
	if !n.wired.Load() {
		return web.Kind(web.ErrUnavailable, errStarting)
	}
	return nil
}

// Health says what keeps the node from its work; see web.Node.
func (n *Node) Health(context.Context) error {
	if !n.wired.Load() {
		return errStarting
	}
	if l := n.pulse.read(); !l.Online {
		return fmt.Errorf("the database at %s is not reachable since %s%s", l.Address, moment(l.Since), because(l.Error))
	}
	if l := n.brokerLink(); !l.Online {
		return fmt.Errorf("the broker%s is not reachable since %s%s", space(l.Address), moment(l.Since), because(l.Error))
	}
	return nil
}

// SetLogLevel changes what is logged; see web.Node.
func (n *Node) SetLogLevel(level string) error {
	if err := n.logging.SetLevel(level); err != nil {
		return web.Kind(web.ErrRequest, err)
	}
	n.watch.stale.Store(true)
	return nil
}

// Reload reads the configuration anew; see web.Node.
func (n *Node) Reload(ctx context.Context) error {
	if n.reload == nil {
		return web.Kind(web.ErrUnavailable, errors.New("this node cannot be reloaded"))
	}
	return n.reload(ctx)
}

// known checks, once the node works, names of a request against the configuration;
// empty ones are any. Promise 8.
func (n *Node) known(remote, table string) error {
	if err := n.ready(); err != nil {
		return err
	}
	if remote != "" && n.senders[remote] == nil {
		return web.Kind(web.ErrNotFound, fmt.Errorf("%.64q is not in remoteClients", remote))
	}
	if table != "" && !slices.Contains(n.allTables(), table) {
		return web.Kind(web.ErrNotFound, fmt.Errorf("table %.64q is neither in syncTables nor in receiveTables", table))
	}
	return nil
}

// remotes returns the one asked for, or all.
func (n *Node) remotes(one string) []string {
	if one != "" {
		return []string{one}
	}
	return n.cfg.RemoteClients
}

// rowOf checks which rows are asked for and returns the row_id of a single one.
func (n *Node) rowOf(ctx context.Context, of web.Rows) (rowID string, err error) {
	if err := n.known(of.Remote, of.Table); err != nil {
		return "", err
	}
	if of.ID == "" {
		return "", nil
	}
	if of.Table == "" {
		return "", web.Kind(web.ErrRequest, errors.New("an id needs its table"))
	}
	t, err := n.tables.Table(ctx, of.Table)
	if err != nil {
		return "", err
	}
	key, err := t.ParseID(of.ID)
	if err != nil {
		return "", web.Kind(web.ErrRequest, err)
	}
	return change.Row{Table: of.Table, Key: key}.ID(), nil
}

// Errors returns rows that are refused; see web.Node.
func (n *Node) Errors(ctx context.Context, of web.Rows, limit int) ([]web.RowError, error) {
	rowID, err := n.rowOf(ctx, of)
	if err != nil {
		return nil, err
	}
	list := []web.RowError{}
	for _, remote := range n.remotes(of.Remote) {
		refused, err := n.outbox.Refused(ctx, remote, of.Table, rowID, limit)
		if err != nil {
			return nil, err
		}
		for _, r := range refused {
			at, err := time.Parse(time.DateTime, r.Status.Date)
			if err != nil {
				at = time.UnixMilli(r.RetryAt) // sync_status was emptied
			}
			list = append(list, web.RowError{Remote: remote, Table: r.Table, ID: r.ID, Message: r.Status.Message, Attempts: r.Attempts,
				At: at, RetryAt: time.UnixMilli(r.RetryAt)})
		}
	}
	slices.SortStableFunc(list, func(x, y web.RowError) int { return y.At.Compare(x.At) })
	return list[:min(len(list), limit)], nil
}

// Retry has refused rows sent again now; see web.Node.
func (n *Node) Retry(ctx context.Context, of web.Rows) (rows int64, err error) {
	rowID, err := n.rowOf(ctx, of)
	if err != nil {
		return 0, err
	}
	for _, remote := range n.remotes(of.Remote) {
		some, err := n.outbox.RetryNow(ctx, remote, of.Table, rowID)
		if err != nil {
			return rows, err
		}
		rows += some
		n.senders[remote].mark()
	}
	n.watch.stale.Store(true)
	return rows, nil
}

// Conflicts returns those before one with a number; see web.Node.
func (n *Node) Conflicts(ctx context.Context, before uint64, limit int) ([]web.Conflict, error) {
	if err := n.ready(); err != nil {
		return nil, err
	}
	found, err := journal.Before(ctx, n.db, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]web.Conflict, len(found))
	for i, c := range found {
		w, l := change.Version{Origin: c.WinnerOrigin}, change.Version{Origin: c.LoserOrigin}
		list[i] = web.Conflict{ID: c.ID, Table: c.Table, Row: c.PrimaryKey, At: c.At, Policy: c.Policy,
			Winner: web.Version{Origin: w.Author(), At: time.UnixMicro(c.WinnerTime), Row: c.WinnerRow},
			Loser:  web.Version{Origin: l.Author(), At: time.UnixMicro(c.LoserTime), Row: c.LoserRow}, Standing: true}
		if !c.PutBack.IsZero() {
			list[i].PutBack, list[i].Standing = &found[i].PutBack, false
		}
	}
	return list, nil
}

// PutBack writes the row that lost a conflict over the one that stands; see
// web.Node.
func (n *Node) PutBack(ctx context.Context, conflict uint64) error {
	if err := n.ready(); err != nil {
		return err
	}
	err := journal.PutBack(ctx, n.db, n.tables, conflict)
	if errors.Is(err, journal.ErrNoConflict) {
		return web.Kind(web.ErrNotFound, err)
	}
	if err == nil {
		n.watch.stale.Store(true)
	}
	return err
}

// Resync has a table sent again; see web.Node.
func (n *Node) Resync(ctx context.Context, r web.Resync) error {
	if err := n.known(r.Remote, ""); err != nil {
		return err
	}
	switch {
	case r.Table == "":
		return web.Kind(web.ErrRequest, errors.New("table: name the table that is to be sent"))
	case !n.cfg.Syncs(r.Table):
		return web.Kind(web.ErrNotFound, fmt.Errorf("table %.64q is not in syncTables", r.Table))
	case r.Mode != snapshot.Missing && r.Mode != snapshot.All && r.Mode != "":
		return web.Kind(web.ErrRequest, fmt.Errorf("mode: %.40q is none of missing, all", r.Mode))
	}
	if r.Where != "" {
		// The snapshot would only tell in the log.
		if _, err := n.db.ExecContext(ctx, "SELECT 1 FROM "+mysqldb.Quote(r.Table)+" WHERE ("+r.Where+") LIMIT 0"); err != nil {
			if mysqldb.Number(err) != 0 && !mysqldb.Transient(err) {
				err = web.Kind(web.ErrRequest, fmt.Errorf("where: %w", err))
			}
			return err
		}
	}
	for _, remote := range n.remotes(r.Remote) {
		if err := snapshot.Request(ctx, n.db, remote, r.Table, cmp.Or(r.Mode, snapshot.Missing), r.Where); err != nil {
			return err
		}
	}
	n.watch.stale.Store(true)
	return nil
}

// Verify compares tables with remotes, one after the other; see web.Node.
func (n *Node) Verify(ctx context.Context, v web.Verify, tell func(web.Comparison) error) error {
	if err := n.ready(); err != nil {
		return err
	}
	if len(v.Tables) == 0 {
		v.Tables = n.allTables()
	}
	if len(v.Remotes) == 0 {
		v.Remotes = n.cfg.RemoteClients
	}
	for _, table := range v.Tables {
		for _, remote := range v.Remotes {
			c := web.Comparison{Remote: remote, Table: table, At: n.now()}
			err := n.known(remote, table)
			if err == nil {
				c, err = n.verify(ctx, remote, table, v.Repair)
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
