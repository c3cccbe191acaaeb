package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Member is a node in its fleet: it answers its partners and, if configured to, collects their answers.
type Member struct {
	*Collector
	cfg   *config.Config
	state func(context.Context) (*status.State, error)
}

// NewMember returns a node's Member, given how the node's state is read. It asks nobody unless configured to.
func NewMember(cfg *config.Config, p Presence, now func() time.Time, state func(context.Context) (*status.State, error)) *Member {
	c := Config{Presence: p, Now: now}
	if cfg.Fleet {
		c.Sites = cfg.Clients()
	}
	return &Member{New(c), cfg, state}
}

// errNoFleet is the answer of a node that watches no sites.
var errNoFleet = errors.New(`this node does not collect how its partners are: set "fleet": true in its configuration`)

// Fleet returns all sites as the node sees them, worst first.
func (m *Member) Fleet(ctx context.Context) (*Fleet, error) {
	if !m.cfg.Fleet {
		return nil, status.Kind(status.ErrNotFound, errNoFleet)
	}
	s, err := m.state(ctx)
	if err != nil {
		return nil, err
	}
	return m.Look(s, FreeDisk(m.cfg.QueueDirectory)), nil
}

// Summary returns what the node answers to partners.
func (m *Member) Summary(ctx context.Context) (wire.Summary, error) {
	s, err := m.state(ctx)
	if err != nil {
		return wire.Summary{}, err
	}
	return Of(s, FreeDisk(m.cfg.QueueDirectory)), nil
}
