package node

import (
	"context"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// Node is one node. Everything that needs no database exists after New; the rest is its work, which is made as a
// whole once the database is there.
type Node struct {
	*status.Running // its state, for observers
	*fleet.Member   // its partners

	cfg     *config.Config
	log     *zap.Logger
	version string
	zone    *time.Location
	now     func() time.Time
	started time.Time
	host    Host // the process that it runs in
	meter   Meter
	line    mesh.Line
	working chan struct{} // closed once it has started
}

// New returns a node; it does not connect to anything.
func New(cfg *config.Config, log *logging.Log, version string, host Host, meter Meter) (*Node, error) {
	zone, err := cfg.Zone()
	if err != nil {
		return nil, err
	}
	n := &Node{
		host: host, cfg: cfg, log: log.Logger, version: version, zone: zone, now: time.Now, started: time.Now(), meter: meter, working: make(chan struct{}),
	}
	if n.line, err = mesh.NewLine(cfg, n.log, version, true, n.now); err != nil {
		return nil, err
	}
	n.Running = status.NewRunning(cfg, status.Program{Version: version, Started: n.started, Log: log}, n.now, status.LineOf(n.line).Live)
	n.Member = fleet.NewMember(n.log.Named("fleet"), cfg, n.line.Mesh, n.now, n.State)
	return n, nil
}

// Check finds what would keep the node from starting, without changing anything.
func (n *Node) Check(ctx context.Context) error { return check.Start(ctx, n.log, n.cfg) }

// Run checks what only servers can tell, then replicates until ctx ends. It returns all mistakes found, or the error
// that ended it.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if err := n.host.Broker(ctx, n.cfg.Broker); err != nil {
		return err
	}
	g.Go(func() error { return n.host.Waits(ctx) })
	g.Go(func() error { return n.replicate(ctx) })
	return g.Wait()
}

// replicate opens the database and runs the stages.
func (n *Node) replicate(ctx context.Context) error {
	w, err := n.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	n.Open(w.state())
	if err := n.host.Serves(ctx); err != nil {
		return err
	}
	n.log.Info("node started", zap.String("client", n.cfg.ClientName), zap.String("version", n.version),
		zap.String("server", w.DB.Version), zap.Strings("syncTables", n.cfg.SyncTables),
		zap.Strings("receiveTables", n.cfg.ReceiveTables), zap.Strings("remotes", n.cfg.RemoteClients))
	close(n.working)
	err = w.run(ctx)
	n.log.Info("node stopped", zap.String("client", n.cfg.ClientName), zap.Error(err))
	return err
}
