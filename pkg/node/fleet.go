package node

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// errNoFleet is the answer of a node that watches no sites.
var errNoFleet = errors.New(`this node does not collect how its partners are: set "fleet": true in its configuration`)

// newFleet returns the collector that asks the partners; it asks nobody unless configured to.
func newFleet(cfg *config.Config, p fleet.Presence, now func() time.Time) *fleet.Collector {
	c := fleet.Config{Presence: p, Now: now}
	if cfg.Fleet {
		c.Sites = cfg.Clients()
	}
	return fleet.New(c)
}

// Fleet returns all sites as this node sees them, worst first.
func (n *Node) Fleet(ctx context.Context) (*fleet.Fleet, error) {
	if !n.cfg.Fleet {
		return nil, status.Kind(status.ErrNotFound, errNoFleet)
	}
	s, err := n.State(ctx)
	if err != nil {
		return nil, err
	}
	return n.fleet.Look(s, fleet.FreeDisk(n.cfg.QueueDirectory)), nil
}

// Summary returns what this node answers to partners.
func (n *Node) Summary(ctx context.Context) (wire.Summary, error) {
	s, err := n.State(ctx)
	if err != nil {
		return wire.Summary{}, err
	}
	return fleet.Of(s, fleet.FreeDisk(n.cfg.QueueDirectory)), nil
}
