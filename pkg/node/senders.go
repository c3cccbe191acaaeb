package node

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/deliver/peer"
	"github.com/mysql-sync/mysql-sync/pkg/renew"
)

// wireSenders makes the senders of the remotes.
func (w *work) wireSenders() {
	peers := &peer.Config{
		Log: w.log.Named("outbound"), Client: w.cfg.ClientName, Session: w.line.Session, Now: w.now, Topics: w.line.Topics, Codec: w.line.Codec,
		Mesh: w.line.Mesh, Transport: w.line.Transport,
	}
	again := &renew.Writer{Config: renew.Config{
		Log: w.log.Named("outbound"), DB: w.DB, Stream: w.Stream, Now: w.now, Started: w.started, Client: w.cfg.ClientName, Origin: w.Origin,
		MayWrite: w.cfg.MayWrite, Written: w.capture.Written, OnNews: w.senders.Wake,
	}}
	c := &deliver.Config{
		Log: w.log.Named("outbound"), Now: w.now, Syncs: w.cfg.Syncs, Outbox: w.outbox, Stream: w.Stream, Rows: w.renderer, Tables: w.Tables,
		Transfer: func(ctx context.Context, remote string, apart map[string]bool) (deliver.Transfer, error) {
			t, err := w.snapshots.Transfer(ctx, remote, apart)
			if t == nil || err != nil {
				return nil, err
			}
			return t, nil
		},
		Paused: func(remote string) (bool, map[string]bool) { return w.pauses.All().Of(remote) },
		Denied: again.Denied, Refused: again.Refused, Counters: w.Traffic, Routes: w.routes, Turns: deliver.NewTurns(deliver.TurnsMost),
	}
	if len(w.cfg.RemoteClients) > 1 {
		c.Loads = &deliver.Loads{Remotes: len(w.cfg.RemoteClients)}
	}
	for _, r := range w.cfg.RemoteClients {
		w.senders[r] = deliver.New(c, r, peer.New(peers, r))
	}
}
