package node

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// work is what a node has once its database is there.
type work struct {
	*Node

	db           *mysqldb.DB
	tables       *schema.Tables
	stream       *version.Stream
	origin       string // of the writes that are made here
	outbox       *outbox.Outbox
	guests       *mysqldb.Guests // sessions of the scripts
	transformers *transform.Transformers
	rehearsal    *transform.Transformers // the same, without consequences
	renderer     *render.Renderer
	applier      *apply.Applier
	capture      *capture.Capture
	watcher      *capture.Watcher
	snapshots    *snapshot.Snapshots
	senders      map[string]*deliver.Sender
	verifier     *verify.Verifier

	lock    *owner.Lock
	records *owner.Records
	spelled map[string]string // by which rules the rows of each table are told apart
	unarmed []string          // synced tables that somebody held as the triggers were to be made
	ends    []func()          // what is to be closed, the last first
}

// open waits for the database, becomes its owner, and makes all that works on it, or nothing.
func (n *Node) open(ctx context.Context) (*work, error) {
	db, tables, err := n.checkServers(ctx)
	if err != nil {
		return nil, err
	}
	w := &work{Node: n, db: db, tables: tables, senders: map[string]*deliver.Sender{}}
	w.after(func() { db.Close() })
	if err := w.begin(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// after has something done when the work ends.
func (w *work) after(end func()) { w.ends = append(w.ends, end) }

func (w *work) close() {
	for _, end := range slices.Backward(w.ends) {
		end()
	}
}

func (w *work) begin(ctx context.Context) (err error) {
	n, db := w.Node, w.db
	applyDB, err := mysqldb.Open(ctx, n.log.Named("apply"), n.cfg.MySQL, slices.Concat(apply.Session, n.cfg.ApplySession)...)
	if err != nil {
		return err
	}
	w.after(func() { applyDB.Close() })
	if w.guests, err = mysqldb.OpenGuests(n.cfg.TransformerMySQL()); err != nil {
		return err
	}
	w.after(func() { w.guests.Close() })
	if err := applyDB.Spell(ctx, n.cfg.Tables()); err != nil {
		return err
	}
	if w.lock, err = owner.Acquire(ctx, n.log, db, n.cfg.ClientName); err != nil {
		return err
	}
	w.after(w.lock.Release)
	if err := schema.Migrate(ctx, n.log.Named("schema"), db); err != nil {
		return err
	}
	if err := w.lock.Own(ctx, db, applyDB); err != nil {
		return err
	}
	if err := n.line.mesh.Recall(ctx, mesh.Clients{DB: db}); err != nil {
		return err
	}
	if err := w.respell(ctx); err != nil {
		return err
	}
	if err := w.install(ctx); err != nil {
		return err
	}
	if w.records, err = owner.OpenRecords(ctx, n.log, db, n.cfg.QueueDirectory, n.cfg.ClientName); err != nil {
		return err
	}
	w.after(w.records.Close)
	if w.stream, err = n.openStream(ctx, db); err != nil {
		return err
	}
	w.after(func() {
		for _, t := range []*transform.Transformers{w.transformers, w.rehearsal} {
			if t != nil {
				t.Close()
			}
		}
	})
	if err := w.wire(applyDB, w.records); err != nil {
		return err
	}
	if err := w.outbox.Register(ctx, n.cfg.RemoteClients); err != nil {
		return err
	}
	for _, s := range w.senders {
		if err := s.Begin(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run has the stages work until ctx ends.
func (w *work) run(ctx context.Context) error {
	n, db := w.Node, w.db
	g, ctx := errgroup.WithContext(ctx)
	for _, stage := range []func(context.Context) error{
		w.lock.Hold, n.line.transport.Run, w.capture.Run, w.watcher.Run, w.snapshots.Run, n.in.answers.Run, w.endRemoved,
		w.verifier.Run, w.verifier.Answer, w.verifier.SettleHeld,
		func(ctx context.Context) error { return n.line.mesh.Run(ctx, mesh.Clients{DB: db}) },
		func(ctx context.Context) error { return n.in.receiver.Run(ctx, w.decoder(w.transformers), w.applier) },
		func(ctx context.Context) error { return n.in.mail.Run(ctx, n.read) },
		func(ctx context.Context) error { return w.tables.Free(ctx, n.log.Named("outbound"), n.readable) },
		func(ctx context.Context) error { return w.snapshots.Purge(ctx, n.cfg.TombstoneRetention) },
		func(ctx context.Context) error { return n.Watch(ctx, db) },
		func(ctx context.Context) error { return w.records.Mark(ctx, db, w.stream) },
		func(ctx context.Context) error { return n.doubts.Run(ctx, doubt.Own{DB: db}) },
	} {
		g.Go(func() error { return stage(ctx) })
	}
	for _, s := range w.senders {
		g.Go(func() error { return s.Run(ctx) })
	}
	return g.Wait()
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
func (w *work) install(ctx context.Context) error {
	var synced []*schema.Table
	for _, name := range w.cfg.SyncTables {
		t, err := w.tables.Table(ctx, name)
		if err != nil {
			return err
		}
		synced = append(synced, t)
	}
	keys, err := schema.Ancestry(ctx, w.db, w.db.Name)
	if err != nil {
		return err
	}
	if err := w.resendUnseen(ctx, synced, keys); err != nil {
		return err
	}
	w.unarmed, err = capture.Install(ctx, w.log.Named("capture"), w.db, synced, keys)
	return err
}

// wire connects the stages.
func (w *work) wire(applyDB *mysqldb.DB, records *owner.Records) error {
	n, db := w.Node, w.db
	w.origin = change.Origin(n.cfg.ClientName, records.Life)
	w.outbox = outbox.New(db, w.tables, w.stream)
	w.capture = capture.New(n.log.Named("capture"), db, w.stream, capture.Config{
		Origin: w.origin, Syncs: n.cfg.Syncs, Interval: n.cfg.CheckInterval, OnNews: n.wakeSenders, Recorded: records.Note,
		Identify: w.tables.Identify,
		Disowned: func(table string) { w.watcher.Lose(table) },
		Respelled: func(ctx context.Context, tx mysqldb.Tx, before []change.Row) error {
			return w.outbox.Respelled(ctx, tx, before, n.cfg.RemoteClients)
		},
	})
	w.watcher = w.newWatcher()
	w.applier = apply.New(n.log.Named("apply"), applyDB, w.tables, w.outbox, w.stream, apply.Config{
		Origin: w.origin, Remotes: n.cfg.RemoteClients, Syncs: n.cfg.Syncs, Receives: n.cfg.Receives, OnNews: n.wakeMarked,
		Cascade: n.cfg.ForeignKeyConflict == "cascade", TakesAlong: n.cfg.TakesAlong, MayTake: n.cfg.MayTake,
		Policies: w.policies(), Resolver: resolver{w}, Lossy: n.cfg.Lossy, Freed: n.in.answers.Freed,
		Doubtful: func(table string) bool { return n.doubts.HasMissed(table) && w.snapshots.Behind(table) },
	})
	w.snapshots = snapshot.New(n.log.Named("snapshot"), db, w.tables, w.outbox, w.stream, snapshot.Config{
		Origin: w.origin, Initial: n.cfg.InitialSync, Remotes: n.cfg.RemoteClients, Tables: n.cfg.SyncTables,
		Ready: func(remote, table string) bool {
			return n.line.mesh.TakesUnasked(remote, table) && w.watcher.Captures(table)
		}, OnMark: n.wakeMarked, Versioned: n.cfg.Tables(),
		Transforms: func(table string) bool { return w.transformers.Has(table) },
	})
	var err error
	if w.transformers, err = n.loadTransformers(n.log, w.guests); err != nil {
		return err
	}
	if err := w.loadRehearsal(); err != nil {
		return err
	}
	w.renderer = &render.Renderer{
		Log: n.log, Client: n.cfg.ClientName, DB: db, Tables: w.tables, Sent: w.outbox, Transformers: w.transformers, Zone: n.zone,
		Synced: n.cfg.SyncTables, Keys: w.snapshots.Keys,
		Uncaptured: func(ctx context.Context, list []change.Row) (map[change.Row]bool, error) {
			return capture.Uncaptured(ctx, db, list)
		},
	}
	rehearser := *w.renderer
	rehearser.Transformers = w.rehearsal
	w.verifier = verify.New(verify.Config{
		Line: verify.Line{Session: n.line.session, Topics: n.line.topics, Mesh: n.line.mesh, Transport: n.line.transport, Refused: n.line.refused},
		Log:  n.log, Node: n.cfg, Now: n.now, Origin: w.origin, DB: db, Tables: w.tables, Stream: w.stream, Outbox: w.outbox,
		Rows: w.renderer, Rehearser: &rehearser, Decoder: w.decoder(w.rehearsal), Applier: w.applier, Events: verifyEvents{w},
	}, knownClients(n.cfg))
	w.openSenders()
	return nil
}

// decoder turns what comes into changes of the tables here.
func (w *work) decoder(by *transform.Transformers) *receive.Decoder {
	return &receive.Decoder{Self: w.cfg.ClientName, Rights: w.cfg, MaxRow: w.cfg.LargestRow(), Zone: w.zone, Now: w.now, Tables: w.tables, Transformers: by}
}

// comparable reports whether a table is to be the same here and at a remote.
func (n *Node) comparable(remote, table string) bool {
	return !n.transforms(table) && n.line.mesh.SpeaksBatches(remote) && (!n.line.mesh.Announced(remote) || n.line.mesh.Receives(remote, table))
}

// transforms reports whether a table has a transformer, as far as they are loaded.
func (n *Node) transforms(table string) bool {
	w := n.work.Load()
	return w != nil && w.transformers.Has(table)
}
