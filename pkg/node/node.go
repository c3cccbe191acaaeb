package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/broker"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Node is one daemon with its database. Run runs it once.
type Node struct {
	*status.Running // how it is, for those who look at it

	cfg     *config.Config
	log     *zap.Logger
	version string
	topics  wire.Topics
	session uint64 // names this run of the process in batches
	zone    *time.Location
	origin  string // of the writes that are made here
	now     func() time.Time

	db           *mysqldb.DB
	tables       *schema.Tables
	stream       *version.Stream
	outbox       *outbox.Outbox
	guests       *mysqldb.Guests // sessions of the scripts
	transformers *transform.Transformers
	rehearsal    *transform.Transformers // the same, without consequences
	renderer     *render.Renderer
	transport    *transport.Session
	mesh         *mesh.Mesh
	applier      *apply.Applier
	capture      *capture.Capture
	watcher      *capture.Watcher
	snapshots    *snapshot.Snapshots
	codec        *wire.Codec
	gate         *receive.Gate
	receiver     *receive.Receiver
	answers      *receive.Answers
	senders      map[string]*deliver.Sender
	mail         *receive.Mail
	verifier     *verify.Verifier
	spelled      map[string]string // by which rules the rows of each table are told apart
	unarmed      []string          // synced tables that somebody held as the triggers were to be made

	// What the node tells about itself:
	logging *logging.Log
	started time.Time
	doubts  *doubt.Doubts
	host    Host
	metrics Meter
	working chan struct{} // closed once it has started

	refused *mesh.Refusals
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
	n := &Node{
		cfg: cfg, log: log.Logger, logging: log, version: version, topics: wire.Topics(cfg.TopicPrefix), session: rand.Uint64(), zone: zone, now: time.Now,
		codec: codec, senders: map[string]*deliver.Sender{},
		mail: receive.NewMail(knownClients(cfg)),
	}
	n.started = n.now()
	n.Running = status.NewRunning(cfg, n.now, knownClients(cfg), slices.Contains(cfg.AcceptFrom, "*"), n.live)
	n.doubts = doubt.New(doubt.Config{Log: n.log, Tables: cfg.Tables(), Synced: cfg.Syncs, Remotes: cfg.RemoteClients,
		Comparable: n.comparable, Compared: n.Verified.Of, Changed: n.Renew})
	n.host, n.metrics, n.working = host, meter, make(chan struct{})
	n.refused = mesh.NewRefusals(n.log, cfg, n.now)
	n.gate = &receive.Gate{
		Topics: n.topics, Self: cfg.ClientName, MaxRow: cfg.LargestRow(), Accepts: cfg.AcceptsFrom, Asks: cfg.MayAsk,
		Sends: func(client string) bool { return slices.Contains(cfg.RemoteClients, client) },
	}
	n.receiver = receive.New(receive.Config{
		Log: n.log, Gate: n.gate, Named: knownClients(cfg), Codec: codec, Refused: n.refused, Node: n, Now: n.now,
	})
	will := &transport.Message{Topic: n.topics.Info(), Payload: wire.Info{Sender: cfg.ClientName, Message: wire.ConnectionLost}.Encode(), QoS: 1}
	n.transport, err = transport.New(log.Named("transport"), transport.Config{
		MQTT: cfg.MQTT, Topics: n.topics.Subscriptions(cfg.ClientName), Will: will,
		OnUp: func(ctx context.Context) error { return n.mesh.Announce(ctx) }, OnDown: n.wakeSenders, EchoTopic: n.topics.Info(), Most: n.letIn, Dropped: n.tooLarge,
	}, n.receive)
	if err != nil {
		return nil, err
	}
	n.mesh, err = mesh.New(mesh.Config{
		Log: n.log, Node: cfg, Version: version, Session: n.session, MaxRow: cfg.LargestRow(), Now: n.now,
		Broker: n.transport, Refused: n.refused, News: meshNews{n},
	})
	if err != nil {
		return nil, err
	}
	n.answers = receive.NewAnswers(receive.AnswersConfig{
		Log: n.log, Client: cfg.ClientName, Named: knownClients(cfg), Now: n.now, Topics: n.topics, Mesh: n.mesh, Transport: n.transport,
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

// replicate opens the database and runs the stages.
func (n *Node) replicate(ctx context.Context) error {
	db, err := n.checkServers(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	applyDB, err := mysqldb.Open(ctx, n.log.Named("apply"), n.cfg.MySQL, slices.Concat(apply.Session, n.cfg.ApplySession)...)
	if err != nil {
		return err
	}
	defer applyDB.Close()
	if n.guests, err = mysqldb.OpenGuests(n.cfg.TransformerMySQL()); err != nil {
		return err
	}
	defer n.guests.Close()
	if err := applyDB.Spell(ctx, n.cfg.Tables()); err != nil {
		return err
	}
	lock, err := owner.Acquire(ctx, n.log, db, n.cfg.ClientName)
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := schema.Migrate(ctx, n.log.Named("schema"), db); err != nil {
		return err
	}
	if err := lock.Own(ctx, db, applyDB); err != nil {
		return err
	}
	if err := n.mesh.Recall(ctx, mesh.Clients{DB: db}); err != nil {
		return err
	}
	if err := n.respell(ctx, db); err != nil {
		return err
	}
	if err := n.install(ctx, db); err != nil {
		return err
	}
	records, err := owner.OpenRecords(ctx, n.log, db, n.cfg.QueueDirectory, n.cfg.ClientName)
	if err != nil {
		return err
	}
	defer records.Close()
	if n.stream, err = n.openStream(ctx, db); err != nil {
		return err
	}
	defer n.closeTransformers()
	if err := n.wire(db, applyDB, records); err != nil {
		return err
	}
	if err := n.doubts.Recall(ctx, doubt.Own{DB: db}); err != nil {
		return err
	}
	n.Open(db, n.tables, n.outbox, n.stream.Visible)
	if err := n.outbox.Register(ctx, n.cfg.RemoteClients); err != nil {
		return err
	}
	for _, s := range n.senders {
		if err := s.Begin(ctx); err != nil {
			return err
		}
	}
	if err := n.host.Serves(ctx); err != nil {
		return err
	}
	n.log.Info("node started", zap.String("client", n.cfg.ClientName), zap.String("version", n.version),
		zap.String("server", db.Version), zap.Strings("syncTables", n.cfg.SyncTables),
		zap.Strings("receiveTables", n.cfg.ReceiveTables), zap.Strings("remotes", n.cfg.RemoteClients))
	close(n.working)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return lock.Hold(ctx) })
	g.Go(func() error { return n.transport.Run(ctx) })
	g.Go(func() error { return n.mesh.Run(ctx, mesh.Clients{DB: db}) })
	g.Go(func() error { return n.capture.Run(ctx) })
	g.Go(func() error { return n.watcher.Run(ctx) })
	g.Go(func() error { return n.receiver.Run(ctx, n.decoder(n.transformers), n.applier) })
	g.Go(func() error { return n.verifier.SettleHeld(ctx) })
	g.Go(func() error { return n.snapshots.Run(ctx) })
	g.Go(func() error { return n.tables.Free(ctx, n.log.Named("outbound"), n.readable) })
	g.Go(func() error { return n.snapshots.Purge(ctx, n.cfg.TombstoneRetention) })
	g.Go(func() error { return n.mail.Run(ctx, n.read) })
	g.Go(func() error { return n.verifier.Run(ctx) })
	g.Go(func() error { return n.verifier.Answer(ctx) })
	g.Go(func() error { return n.Watch(ctx, db) })
	g.Go(func() error { return n.answers.Run(ctx) })
	g.Go(func() error { return n.endRemoved(ctx) })
	g.Go(func() error { return records.Mark(ctx, db, n.stream) })
	g.Go(func() error { return n.doubts.Run(ctx, doubt.Own{DB: db}) })
	for _, s := range n.senders {
		g.Go(func() error { return s.Run(ctx) })
	}
	err = g.Wait()
	n.log.Info("node stopped", zap.String("client", n.cfg.ClientName), zap.Error(err))
	return err
}

// openStream opens the stream once all transactions of an earlier run have ended.
// One whose node was lost behind a silent network keeps its locks until the server
// gives its connection up, after a minute.
func (n *Node) openStream(ctx context.Context, db *mysqldb.DB) (*version.Stream, error) {
	for {
		s, err := version.OpenStream(ctx, db)
		if err == nil || !mysqldb.Transient(err) || ctx.Err() != nil {
			return s, err
		}
		n.log.Warn("waiting for transactions of an earlier run to end", zap.Error(err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// install brings the triggers to where they shall be.
func (n *Node) install(ctx context.Context, db *mysqldb.DB) error {
	var synced []*schema.Table
	for _, name := range n.cfg.SyncTables {
		t, err := n.tables.Table(ctx, name)
		if err != nil {
			return err
		}
		synced = append(synced, t)
	}
	keys, err := schema.Ancestry(ctx, db, db.Name)
	if err != nil {
		return err
	}
	if err := n.resendUnseen(ctx, db, synced, keys); err != nil {
		return err
	}
	n.unarmed, err = capture.Install(ctx, n.log.Named("capture"), db, synced, keys)
	return err
}

// wire connects the stages.
func (n *Node) wire(db, applyDB *mysqldb.DB, records *owner.Records) error {
	n.db, n.origin = db, change.Origin(n.cfg.ClientName, records.Life)
	n.outbox = outbox.New(db, n.tables, n.stream)
	n.capture = capture.New(n.log.Named("capture"), db, n.stream, capture.Config{
		Origin: n.origin, Syncs: n.cfg.Syncs, Interval: n.cfg.CheckInterval, OnNews: n.wakeSenders, Recorded: records.Note,
		Identify: n.tables.Identify,
		Disowned: func(table string) { n.watcher.Lose(table) },
		Respelled: func(ctx context.Context, tx mysqldb.Tx, before []change.Row) error {
			return n.outbox.Respelled(ctx, tx, before, n.cfg.RemoteClients)
		},
	})
	n.watcher = n.newWatcher(db)
	n.applier = apply.New(n.log.Named("apply"), applyDB, n.tables, n.outbox, n.stream, apply.Config{
		Origin: n.origin, Remotes: n.cfg.RemoteClients, Syncs: n.cfg.Syncs, Receives: n.cfg.Receives, OnNews: n.wakeMarked,
		Cascade: n.cfg.ForeignKeyConflict == "cascade", TakesAlong: n.cfg.TakesAlong, MayTake: n.cfg.MayTake,
		Policies: n.policies(), Resolver: resolver{n}, Lossy: n.cfg.Lossy, Freed: n.answers.Freed,
		Doubtful: func(table string) bool { return n.doubts.HasMissed(table) && n.snapshots.Behind(table) },
	})
	n.snapshots = snapshot.New(n.log.Named("snapshot"), db, n.tables, n.outbox, n.stream, snapshot.Config{
		Origin: n.origin, Initial: n.cfg.InitialSync, Remotes: n.cfg.RemoteClients, Tables: n.cfg.SyncTables,
		Ready: func(remote, table string) bool {
			return n.mesh.TakesUnasked(remote, table) && n.watcher.Captures(table)
		}, OnMark: n.wakeMarked, Versioned: n.cfg.Tables(),
		Transforms: func(table string) bool { return n.transformers.Has(table) },
	})
	var err error
	if n.transformers, err = n.loadTransformers(n.log); err != nil {
		return err
	}
	if err := n.loadRehearsal(); err != nil {
		return err
	}
	n.renderer = &render.Renderer{
		Log: n.log, Client: n.cfg.ClientName, DB: db, Tables: n.tables, Sent: n.outbox, Transformers: n.transformers, Zone: n.zone,
		Synced: n.cfg.SyncTables, Keys: n.snapshots.Keys,
		Uncaptured: func(ctx context.Context, list []change.Row) (map[change.Row]bool, error) {
			return capture.Uncaptured(ctx, db, list)
		},
	}
	rehearser := *n.renderer
	rehearser.Transformers = n.rehearsal
	n.verifier = verify.New(verify.Config{
		Line: verify.Line{Session: n.session, Topics: n.topics, Mesh: n.mesh, Transport: n.transport, Refused: n.refused},
		Log:  n.log, Node: n.cfg, Now: n.now, Origin: n.origin, DB: db, Tables: n.tables, Stream: n.stream, Outbox: n.outbox,
		Rows: n.renderer, Rehearser: &rehearser, Decoder: n.decoder(n.rehearsal), Applier: n.applier, Events: verifyEvents{n},
	}, knownClients(n.cfg))
	n.openSenders()
	return nil
}

// decoder turns what comes into changes of the tables here.
func (n *Node) decoder(by *transform.Transformers) *receive.Decoder {
	return &receive.Decoder{Self: n.cfg.ClientName, Rights: n.cfg, MaxRow: n.cfg.LargestRow(), Zone: n.zone, Now: n.now, Tables: n.tables, Transformers: by}
}

// comparable reports whether a table is to be the same here and at a remote.
func (n *Node) comparable(remote, table string) bool {
	return !n.transformers.Has(table) && n.mesh.SpeaksBatches(remote) && (!n.mesh.Announced(remote) || n.mesh.Receives(remote, table))
}

// closeTransformers ends the processes of the scripts.
func (n *Node) closeTransformers() {
	for _, t := range []*transform.Transformers{n.transformers, n.rehearsal} {
		if t != nil {
			t.Close()
		}
	}
}

// wakeMarked says that rows may have been marked for any remote.
func (n *Node) wakeMarked() {
	for _, s := range n.senders {
		s.Marked()
	}
}

// readable has the rows sent that have waited until a table can be read.
func (n *Node) readable(table string) {
	for _, s := range n.senders {
		s.Readable(table)
	}
}

func (n *Node) wakeSenders() {
	for _, s := range n.senders {
		s.Wake()
	}
}
