package stopped

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/journal"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// Node is a node that does not run. It is safe for concurrent use.
type Node struct {
	cfg    *config.Config
	db     *mysqldb.DB
	tables *schema.Tables
	outbox *outbox.Outbox
}

// New returns the node of a configuration, whose database db is. The own tables
// must be there: the node has run once.
func New(cfg *config.Config, db *mysqldb.DB) *Node {
	tables := schema.NewTables(db)
	return &Node{cfg: cfg, db: db, tables: tables, outbox: outbox.New(db, tables, nil)}
}

// Conflicts returns the latest conflicts, at most limit.
func (n *Node) Conflicts(ctx context.Context, limit int) ([]web.Conflict, error) {
	found, err := journal.Before(ctx, n.db, 0, limit)
	list := make([]web.Conflict, len(found))
	for i, c := range found {
		list[i] = web.Conflict{ID: c.ID, Table: c.Table, Row: c.PrimaryKey, At: c.At, Policy: c.Policy, Standing: c.PutBack.IsZero(),
			Winner: web.Version{Origin: author(c.WinnerOrigin), At: time.UnixMicro(c.WinnerTime), Row: c.WinnerRow},
			Loser:  web.Version{Origin: author(c.LoserOrigin), At: time.UnixMicro(c.LoserTime), Row: c.LoserRow}}
		if !c.PutBack.IsZero() {
			list[i].PutBack = &found[i].PutBack
		}
	}
	return list, err
}

// author is the client of an origin.
func author(origin string) string { return change.Version{Origin: origin}.Author() }

// PutBack writes the row that lost a conflict over the one that stands. The
// triggers note it, and it goes out when the node runs.
func (n *Node) PutBack(ctx context.Context, id uint64) error {
	return journal.PutBack(ctx, n.db, n.tables, id)
}

// Resync records that a table is to be sent to a remote again.
func (n *Node) Resync(ctx context.Context, r web.Resync) error {
	if !n.cfg.Syncs(r.Table) {
		return fmt.Errorf("table %s is not in syncTables", r.Table)
	}
	if r.Mode != snapshot.Missing && r.Mode != snapshot.All {
		return errors.New("the mode is neither missing nor all")
	}
	remotes := n.cfg.RemoteClients
	if r.Remote != "" {
		if !slices.Contains(remotes, r.Remote) {
			return fmt.Errorf("%s is not in remoteClients", r.Remote)
		}
		remotes = []string{r.Remote}
	}
	for _, remote := range remotes {
		if err := snapshot.Request(ctx, n.db, remote, r.Table, r.Mode, r.Where); err != nil {
			return err
		}
	}
	return nil
}
