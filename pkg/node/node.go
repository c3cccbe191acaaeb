package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/broker"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Node is one node. All that it needs before its database is there is there after New; what it has from then on is its work,
// which is made as a whole.
type Node struct {
	*status.Running // how it is, for those who look at it

	cfg     *config.Config
	log     *zap.Logger
	logging *logging.Log
	version string
	zone    *time.Location
	now     func() time.Time
	started time.Time
	host    Host // the process that it runs in
	metrics Meter
	doubts  *doubt.Doubts
	line    line
	in      in
	working chan struct{} // closed once it has started
	work    atomic.Pointer[work]
}

// line is how a node and others hear each other.
type line struct {
	topics    wire.Topics
	session   uint64 // names this run of the process in batches
	codec     *wire.Codec
	transport *transport.Session
	mesh      *mesh.Mesh
	refused   *mesh.Refusals
}

// in is where messages come in.
type in struct {
	gate     *receive.Gate
	receiver *receive.Receiver
	mail     *receive.Mail
	answers  *receive.Answers
}

// New returns a node; it connects to nothing.
func New(cfg *config.Config, log *logging.Log, version string, host Host, meter Meter) (*Node, error) {
	zone, err := cfg.Zone()
	if err != nil {
		return nil, err
	}
	codec, err := wire.NewCodec(cfg.LargestRow() + wire.BatchRoom)
	if err != nil {
		return nil, err
	}
	clients := knownClients(cfg)
	n := &Node{
		host: host, cfg: cfg, log: log.Logger, logging: log, version: version, zone: zone, now: time.Now, started: time.Now(), metrics: meter,
		line: line{topics: wire.Topics(cfg.TopicPrefix), session: rand.Uint64(), codec: codec}, working: make(chan struct{}),
	}
	n.Running = status.NewRunning(cfg, n.now, clients, slices.Contains(cfg.AcceptFrom, "*"), n.live)
	n.doubts = doubt.New(doubt.Config{Log: n.log, Tables: cfg.Tables(), Synced: cfg.Syncs, Remotes: cfg.RemoteClients,
		Comparable: n.comparable, Compared: n.Verified.Of, Changed: n.Renew})
	l := &n.line
	l.refused = mesh.NewRefusals(n.log, cfg, n.now)
	n.in.mail = receive.NewMail(clients)
	n.in.gate = &receive.Gate{
		Topics: l.topics, Self: cfg.ClientName, MaxRow: cfg.LargestRow(), Accepts: cfg.AcceptsFrom, Asks: cfg.MayAsk,
		Sends: func(client string) bool { return slices.Contains(cfg.RemoteClients, client) },
	}
	n.in.receiver = receive.New(receive.Config{
		Log: n.log, Gate: n.in.gate, Named: clients, Codec: codec, Refused: l.refused, Node: n, Now: n.now,
	})
	will := &transport.Message{Topic: l.topics.Info(), Payload: wire.Info{Sender: cfg.ClientName, Message: wire.ConnectionLost}.Encode(), QoS: 1}
	l.transport, err = transport.New(log.Named("transport"), transport.Config{
		MQTT: cfg.MQTT, Topics: l.topics.Subscriptions(cfg.ClientName), Will: will,
		OnUp: func(ctx context.Context) error { return l.mesh.Announce(ctx) }, OnDown: n.down, EchoTopic: l.topics.Info(), Most: n.letIn, Dropped: n.tooLarge,
	}, n.receive)
	if err != nil {
		return nil, err
	}
	l.mesh, err = mesh.New(mesh.Config{
		Log: n.log, Node: cfg, Version: version, Session: l.session, MaxRow: cfg.LargestRow(), Now: n.now,
		Broker: l.transport, Refused: l.refused, News: meshNews{n},
	})
	if err != nil {
		return nil, err
	}
	n.in.answers = receive.NewAnswers(receive.AnswersConfig{
		Log: n.log, Client: cfg.ClientName, Named: clients, Now: n.now, Topics: l.topics, Mesh: l.mesh, Transport: l.transport,
	})
	return n, nil
}

// knownClients are those that the node deals with, whoever else is on the broker.
func knownClients(cfg *config.Config) []string {
	known := slices.Concat(cfg.RemoteClients, cfg.AcceptFrom)
	slices.Sort(known)
	return slices.DeleteFunc(slices.Compact(known), func(c string) bool { return c == "*" })
}

// Run checks what only servers can tell, then replicates until ctx ends. It
// returns every mistake that was found, or the error that ended it.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if n.cfg.Broker.Listen != "" {
		b, err := broker.New(n.log.Named("broker"), n.cfg.Broker)
		if err != nil {
			return err
		}
		g.Go(func() error { return b.Run(ctx) })
		if _, err := b.Addr(ctx); err != nil {
			return errors.Join(g.Wait(), err)
		}
	}
	g.Go(func() error { return n.host.Waits(ctx) })
	g.Go(func() error { return n.replicate(ctx) })
	return g.Wait()
}

// replicate opens the database and has the stages work.
func (n *Node) replicate(ctx context.Context) error {
	w, err := n.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	n.work.Store(w)
	if err := n.doubts.Recall(ctx, doubt.Own{DB: w.db}); err != nil {
		return err
	}
	n.Open(w.db, w.tables, w.outbox, w.stream.Visible)
	if err := n.host.Serves(ctx); err != nil {
		return err
	}
	n.log.Info("node started", zap.String("client", n.cfg.ClientName), zap.String("version", n.version),
		zap.String("server", w.db.Version), zap.Strings("syncTables", n.cfg.SyncTables),
		zap.Strings("receiveTables", n.cfg.ReceiveTables), zap.Strings("remotes", n.cfg.RemoteClients))
	close(n.working)
	err = w.run(ctx)
	n.log.Info("node stopped", zap.String("client", n.cfg.ClientName), zap.Error(err))
	return err
}

// senders returns the senders, by remote; none before the database is there.
func (n *Node) senders() map[string]*deliver.Sender {
	if w := n.work.Load(); w != nil {
		return w.senders
	}
	return nil
}

// wakeMarked says that rows may have been marked for any remote.
func (n *Node) wakeMarked() {
	for _, s := range n.senders() {
		s.Marked()
	}
}

// readable has the rows sent that have waited until a table can be read.
func (n *Node) readable(table string) {
	for _, s := range n.senders() {
		s.Readable(table)
	}
}

func (n *Node) wakeSenders() {
	for _, s := range n.senders() {
		s.Wake()
	}
}
