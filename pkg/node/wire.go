package node

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/dispatch"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// wire makes the parts and connects them. Nothing runs before all are there.
func (w *work) wire() {
	w.wireOut()
	w.wireIn()
	w.wireVerify()
	w.wireSenders()
	w.dispatcher = dispatch.New(dispatch.Config{
		Log: w.log, Node: w.cfg, Session: w.line.Session, Gate: w.receiver.Gate, Refused: w.line.Refused, Mesh: w.line.Mesh,
		Receiver: w.receiver, Answers: w.answers, Senders: w.senders, Verifier: w.verifier, Desk: w.Joining, Meter: w.meter,
		Hub: w.cfg.From.Client, Hears: w.Follower.Wake, Came: func(client string) { w.snapshots.Came(client) },
	})
}

// route makes what decides which remotes have which rows, and keeps what they still need. Writes that went unseen are
// noted with it, before anything else is there.
func (w *work) route() {
	w.outbox = outbox.New(w.DB, w.Tables, w.Stream).ChildrenFirst(w.cfg.Followed)
	if w.cfg.StatusRows == "open" {
		w.outbox = w.outbox.OnlyOpen()
	}
	w.routes = route.New(w.log.Named("routes"), w.cfg, w.DB, w.Tables, w.outbox, w.Stream, w.senders.Marked, w.senders.MarkedFor)
	w.outbox = w.outbox.RoutedBy(w.routes.Needed)
}

// wireOut makes what captures and reads local writes.
func (w *work) wireOut() {
	w.capture = capture.New(w.log.Named("capture"), w.DB, w.source, w.Stream, capture.Config{
		Origin: w.Origin, Syncs: w.cfg.Syncs, OnNews: w.senders.Wake, Recorded: w.Recorded, Identify: w.Tables.Identify, Record: w.routes.Record,
		Ahead:    func(ctx context.Context, e version.Entry) (mysqldb.Query, bool) { return w.renderer.Ahead(ctx, e) },
		Counters: w.cfg.Counts,
		Respelled: func(ctx context.Context, tx mysqldb.Tx, before, rows []change.Row) error {
			return w.outbox.Respelled(ctx, tx, before, rows, w.cfg.RemoteClients)
		},
	})
	w.snapshots = snapshot.New(w.log.Named("snapshot"), w.DB, w.Tables, w.outbox, w.Stream, snapshot.Config{
		Origin: w.Origin, Initial: w.cfg.InitialSync, Remotes: w.cfg.RemoteClients, Tables: w.cfg.SyncTables, Versioned: w.cfg.Tables(),
		Ready: w.ready, OnMark: w.senders.Marked, Transforms: w.scripts.Work.Has, Where: w.routes.Where, Source: w.source,
	})
	w.renderer = &render.Renderer{
		Log: w.log, Client: w.cfg.ClientName, DB: w.DB, Tables: w.Tables, Sent: w.outbox, Transformers: w.scripts.Work, Zone: w.zone,
		Synced: w.cfg.SyncTables, Keys: w.snapshots.Keys, Source: w.source, Routes: w.routes, Counters: w.cfg.Counts, Read: new(render.Ahead),
	}
}

// wireIn makes what receives and writes incoming rows.
func (w *work) wireIn() {
	w.answers = receive.NewAnswers(receive.AnswersConfig{
		Log: w.log, Client: w.cfg.ClientName, Named: w.cfg.Clients(), Now: w.now, Topics: w.line.Topics, Mesh: w.line.Mesh, Transport: w.line.Transport,
	})
	w.receiver = receive.New(receive.Config{
		Log: w.log, Gate: receive.NewGate(w.cfg), Named: w.cfg.Clients(), Codec: w.line.Codec, Refused: w.line.Refused, Clients: w.line.Mesh,
		Answers: w.answers, Counters: w.Traffic, Meter: w.meter, Now: w.now,
	})
	w.decoder = &receive.Decoder{
		Self: w.cfg.ClientName, Rights: w.cfg, MaxRow: w.cfg.LargestRow(), Zone: w.zone, Now: w.now, Tables: receive.Own{Tables: w.Tables}, Transformers: w.scripts.Work,
	}
	w.applier = apply.New(w.log.Named("apply"), w.Apply, w.Tables, w.outbox, w.source, w.Stream, apply.Config{
		Origin: w.Origin, Remotes: w.cfg.RemoteClients, Syncs: w.cfg.Syncs, Receives: w.cfg.Receives, OnNews: w.senders.Marked,
		Routes: w.routes, WriteAny: w.cfg.RouteWrite == "any", Along: apply.Along{Cascade: w.cfg.ForeignKeyConflict == "cascade", TakesAlong: w.cfg.TakesAlong, MayTake: w.cfg.MayTake},
		Policies: apply.Policies(w.cfg.ConflictPolicy), Resolver: w.decoder, Lossy: w.cfg.Lossy, Freed: w.answers.Freed,
		Doubtful: func(table string) bool { return w.doubts.HasMissed(table) && w.snapshots.Behind(table) },
	})
}

// wireVerify makes what compares tables: its transformers run without side effects.
func (w *work) wireVerify() {
	renderer, decoder := *w.renderer, *w.decoder
	renderer.Transformers, decoder.Transformers = w.scripts.Rehearsal, w.scripts.Rehearsal
	w.verifier = verify.New(verify.Config{
		Line: verify.Line{Session: w.line.Session, Topics: w.line.Topics, Mesh: w.line.Mesh, Transport: w.line.Transport, Refused: w.line.Refused},
		Log:  w.log, Node: w.cfg, Now: w.now, Origin: w.Origin, DB: w.DB, Tables: w.Tables, Stream: w.Stream, Outbox: w.outbox, Source: w.source,
		Ways: verify.Ways{Routes: w.routes, Rows: w.renderer, Rehearser: &renderer, Decoder: &decoder}, Applier: w.applier, Events: verifyEvents{w},
	}, w, w.cfg.Clients())
}
