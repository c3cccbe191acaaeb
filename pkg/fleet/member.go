package fleet

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Member is a node in its fleet: it answers its partners, collects their answers if configured to, and records its history.
type Member struct {
	*Collector
	log   *zap.Logger
	cfg   *config.Config
	state func(context.Context) (*status.State, error)
}

// NewMember returns a node's Member, given how the node's state is read. It asks nobody unless configured to.
func NewMember(log *zap.Logger, cfg *config.Config, p Presence, now func() time.Time, state func(context.Context) (*status.State, error)) *Member {
	c := Config{Presence: p, Now: now}
	if cfg.Fleet {
		c.Sites = cfg.Clients()
	}
	return &Member{New(c), log, cfg, state}
}

// Run asks the partners, and records, until ctx ends.
func (m *Member) Run(ctx context.Context, ask Ask) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.Collector.Run(ctx, ask) })
	g.Go(func() error { return m.record(ctx) })
	return g.Wait()
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
