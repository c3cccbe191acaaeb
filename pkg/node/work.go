package node

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/dispatch"
	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/paused"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
)

// work is what a node has once its database is there.
type work struct {
	*Node
	*owner.Database
	*fleet.Office

	scripts   *render.Scripts
	outbox    *outbox.Outbox
	routes    *route.Router
	doubts    *doubt.Doubts
	pauses    *paused.Pauses
	source    capture.Source
	capture   *capture.Capture
	snapshots *snapshot.Snapshots
	renderer  *render.Renderer
	senders   deliver.Senders
	wayIn
	verifier *verify.Verifier
}

// wayIn is what receives rows and writes them.
type wayIn struct {
	dispatcher *dispatch.Dispatcher
	receiver   *receive.Receiver
	decoder    *receive.Decoder
	applier    *apply.Applier
	answers    *receive.Answers
}

// open waits for the database, takes ownership, and makes all that works on it, or nothing. Transient errors do not fail the start.
func (n *Node) open(ctx context.Context) (w *work, err error) {
	err = mysqldb.Until(ctx, n.log, "the start was interrupted; trying again", func() error {
		w, err = n.begun(ctx)
		return err
	})
	return w, err
}

func (n *Node) begun(ctx context.Context) (*work, error) {
	db, tables, err := check.Open(ctx, n.log, n.cfg)
	if err != nil {
		return nil, err
	}
	w := &work{Node: n, senders: deliver.Senders{}}
	if w.Database, err = owner.Open(ctx, n.log, n.cfg, db, tables, slices.Concat(apply.Session, n.cfg.ApplySession)...); err != nil {
		return nil, err
	}
	if err = w.begin(ctx); err != nil {
		w.Close()
	}
	return w, err
}

// begin prepares triggers and own tables for a run, and makes all parts in between.
func (w *work) begin(ctx context.Context) (err error) {
	if err := w.line.Mesh.Recall(ctx, mesh.Clients{DB: w.DB}); err != nil {
		return err
	}
	w.doubts = doubt.New(doubt.Config{
		Log: w.log, Tables: w.cfg.Tables(), Synced: w.cfg.Syncs, Remotes: w.cfg.RemoteClients,
		Comparable: w.comparable, Compared: w.Verified.Of, Changed: w.Renew,
	})
	w.pauses = paused.New(paused.Config{Log: w.log.Named("outbound"), DB: w.DB, Synced: w.cfg.SyncTables, Parents: w.Tables.Parents, Changed: w.senders.Wake})
	if w.source, err = choice.Chosen(ctx, w.log.Named("capture"), w.DB, w.cfg, choice.Config{Lost: w.doubts.Vanished, Credited: w.Credited}); err != nil {
		return err
	}
	w.route()
	if err = capture.Start(ctx, w.log, w.source, w.DB, w.Tables, w.cfg.SyncTables, w.unseen); err != nil {
		return err
	}
	if w.scripts, err = render.OpenScripts(w.log, w.cfg, w.Guests, w.line.Transport); err != nil {
		return err
	}
	w.After(w.scripts.Close)
	if w.Office, err = fleet.OpenOffice(ctx, fleet.OfficeConfig{
		Log: w.log, Node: w.cfg, DB: w.DB, Now: w.now, Host: w.host, Presence: w.line.Mesh, Publish: w.line.Transport.Publish, Does: w.Running,
	}); err != nil {
		return err
	}
	w.wire()
	if err := w.routes.Open(ctx); err != nil {
		return err
	}
	// Before Register forgets that they were away: a kill in between repeats it. Promise 1.
	returned, err := w.outbox.Returned(ctx, w.cfg.RemoteClients)
	if err != nil {
		return err
	}
	if err := w.routes.Return(ctx, returned); err != nil {
		return err
	}
	if err := w.outbox.Register(ctx, w.cfg.RemoteClients); err != nil {
		return err
	}
	if w.applier.Former, err = w.outbox.Former(ctx, w.cfg.RemoteClients); err != nil {
		return err
	}
	if err := w.pauses.Look(ctx); err != nil {
		return err
	}
	if err := w.senders.Begin(ctx); err != nil {
		return err
	}
	return w.doubts.Recall(ctx, doubt.Own{DB: w.DB})
}

// run runs the stages until ctx ends.
func (w *work) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, stage := range []func(context.Context) error{
		w.Keep, w.watch, w.capture.Run, w.snapshots.Run, w.pauses.Run, w.senders.Run, w.dispatcher.Run, w.answers.Run, w.verifier.Run,
		func(ctx context.Context) error { return w.line.Transport.Run(ctx, w.dispatcher.Handlers()) },
		func(ctx context.Context) error { return w.line.Mesh.Run(ctx, mesh.Clients{DB: w.DB}) },
		func(ctx context.Context) error { return w.receiver.Run(ctx, w.decoder, w.applier) },
		func(ctx context.Context) error {
			return w.Tables.Free(ctx, w.log.Named("outbound"), w.senders.Readable)
		},
		func(ctx context.Context) error { return w.outbox.Tidy(ctx, w.log, w.cfg.RemoteClients) },
		func(ctx context.Context) error { return w.snapshots.Purge(ctx, w.cfg.TombstoneRetention) },
		func(ctx context.Context) error { return w.doubts.Run(ctx, doubt.Own{DB: w.DB}) },
		w.routes.Run,
		func(ctx context.Context) error { return w.Watch(ctx, w.DB) },
		func(ctx context.Context) error { return w.Member.Run(ctx, w.verifier.Summary) },
		func(ctx context.Context) error { return w.Serve(ctx, w.verifier.AskLead) },
	} {
		g.Go(func() error { return stage(ctx) })
	}
	return g.Wait()
}

// watch watches the tables.
func (w *work) watch(ctx context.Context) error {
	return w.source.Watch(ctx, w.Tables, capture.WatchConfig{Synced: w.cfg.SyncTables, Received: w.cfg.ReceiveTables, Missed: w.missed, Changed: w.redefined})
}

// state is the work as people see it.
func (w *work) state() status.Work {
	stages := status.Stages{
		Line: status.LineOf(w.line), Capture: w.capture, Watcher: w.source, Tables: w.Tables, Transformers: w.scripts.Work, Applier: w.applier,
		Receiver: w.receiver, Senders: w.senders, Doubts: w.doubts, Pauses: w.pauses, Joining: w.Joining, Leads: w.Leads, Follower: w.Follower,
	}
	return status.Work{
		DB: w.DB, Tables: w.Tables, Outbox: w.outbox, Source: w.source, End: w.Stream.Visible, Live: stages.Live,
		Marked: w.senders.Marked, Paused: w.pauses.Look, Verify: w.verifier.Verify, Row: w.verifier.Row, Act: w.verifier.Act,
	}
}
