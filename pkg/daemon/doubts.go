package daemon

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// doubts are the tables that may differ from those of the remotes: a restart does not make
// them equal, so they are told until a comparison has. It is safe for concurrent use.
type doubts struct {
	kick chan struct{} // one is to be written

	mu        sync.Mutex
	at        map[schema.Doubt]time.Time // when they were noticed
	unwritten map[schema.Doubt]bool
}

func newDoubts() *doubts {
	return &doubts{kick: make(chan struct{}, 1), at: map[schema.Doubt]time.Time{}, unwritten: map[schema.Doubt]bool{}}
}

// note has a doubt told, and written soon.
func (d *doubts) note(x schema.Doubt, at time.Time) {
	d.mu.Lock()
	d.at[x], d.unwritten[x] = at, true
	d.mu.Unlock()
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// of returns the tables of which there are doubts of a kind.
func (d *doubts) of(kind string) map[string]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	tables := map[string]time.Time{}
	for x, at := range d.at {
		if x.Kind == kind {
			tables[x.Table] = at
		}
	}
	return tables
}

// all returns a copy.
func (d *doubts) all() map[schema.Doubt]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.at)
}

// write writes what is not written yet.
func (d *doubts) write(ctx context.Context, db *mysqldb.DB) error {
	d.mu.Lock()
	due := map[schema.Doubt]time.Time{}
	for x := range d.unwritten {
		due[x] = d.at[x]
	}
	d.mu.Unlock()
	for x, at := range due {
		if err := schema.SetDoubt(ctx, db, x, at); err != nil {
			return err
		}
		d.mu.Lock()
		if d.at[x].Equal(at) {
			delete(d.unwritten, x)
		}
		d.mu.Unlock()
	}
	return nil
}

// end forgets a doubt, unless it was noticed again after at.
func (d *doubts) end(ctx context.Context, db *mysqldb.DB, x schema.Doubt, at time.Time) error {
	if err := schema.EndDoubt(ctx, db, x); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at[x].Equal(at) {
		delete(d.at, x)
		delete(d.unwritten, x)
	} else {
		d.unwritten[x] = true // it may have been deleted just now
		select {
		case d.kick <- struct{}{}:
		default:
		}
	}
	return nil
}

// recallDoubts reads what was noticed in earlier runs. A table that is synced no more is
// dropped, and so is one that can be compared with nobody: nothing would ever end that.
func (n *Node) recallDoubts(ctx context.Context, db *mysqldb.DB) error {
	all, err := schema.Doubts(ctx, db)
	if err != nil {
		return err
	}
	n.doubts.mu.Lock()
	defer n.doubts.mu.Unlock()
	for x, at := range all {
		if _, now := n.doubts.at[x]; now {
			continue // it was noticed at this start
		}
		compares := func(remote string) bool { return n.comparable(remote, x.Table) }
		if !n.cfg.Syncs(x.Table) || !slices.ContainsFunc(n.cfg.RemoteClients, compares) {
			if err := schema.EndDoubt(ctx, db, x); err != nil {
				return err
			}
			continue
		}
		n.doubts.at[x] = at
	}
	return nil
}

// lastTime is how long what is to be written at the end may take.
const lastTime = time.Second

// keepDoubts writes down what is noticed, until ctx ends.
func (n *Node) keepDoubts(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
			defer cancel()
			_ = n.doubts.write(last, n.db) // the database may be away; the log has told it
			return nil
		case <-n.doubts.kick:
		}
		for n.doubts.write(ctx, n.db) != nil { // whatever is wrong with the database, others tell it
			if sleep(ctx, time.Second) != nil {
				break
			}
		}
	}
}

// settleDoubts ends the doubts of a table that was found equal since they were noticed.
func (n *Node) settleDoubts(ctx context.Context, table string) error {
	for x, at := range n.doubts.all() {
		if x.Table != table || !n.equalSince(table, at) {
			continue
		}
		if err := n.doubts.end(ctx, n.db, x, at); err != nil {
			return err
		}
		n.Renew()
		n.log.Info("a table is equal to those of the remotes again", zap.String("table", table))
	}
	return nil
}

// equalSince reports whether a table was compared since a time with each remote with which
// it can be, and is equal.
func (n *Node) equalSince(table string, at time.Time) bool {
	compared := false
	for _, remote := range n.cfg.RemoteClients {
		c, ok := n.Verified.Of(remote, table)
		switch {
		case ok && c.At.After(at) && c.Error == "" && c.Equal:
			compared = true
		case n.comparable(remote, table) || ok && c.Differs > 0:
			return false
		}
	}
	return compared
}
