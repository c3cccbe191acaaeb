package node

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/deliver/peer"
	"github.com/mysql-sync/mysql-sync/pkg/renew"
)

// openSenders makes the senders of the remotes.
func (n *work) openSenders() {
	peers := &peer.Config{
		Log: n.log.Named("outbound"), Client: n.cfg.ClientName, Session: n.line.session, Now: n.now, Topics: n.line.topics, Codec: n.line.codec,
		Mesh: n.line.mesh, Transport: n.line.transport,
	}
	again := &renew.Writer{Config: renew.Config{
		Log: n.log.Named("outbound"), DB: n.db, Stream: n.stream, Now: n.now, Started: n.started, Client: n.cfg.ClientName, Origin: n.origin,
		MayWrite: n.cfg.MayWrite, Written: n.capture.Written, OnNews: n.wakeSenders,
	}}
	c := &deliver.Config{
		Log: n.log.Named("outbound"), Now: n.now, Syncs: n.cfg.Syncs, Outbox: n.outbox, Stream: n.stream, Rows: n.renderer, Tables: n.tables,
		Transfer: func(ctx context.Context, remote string, apart map[string]bool) (deliver.Transfer, error) {
			t, err := n.snapshots.Transfer(ctx, remote, apart)
			if t == nil || err != nil {
				return nil, err
			}
			return t, nil
		},
		Denied: again.Denied, Refused: again.Refused, Counters: n.Traffic,
	}
	if len(n.cfg.RemoteClients) > 1 {
		c.Loads = &deliver.Loads{}
	}
	for _, r := range n.cfg.RemoteClients {
		n.senders[r] = deliver.New(c, r, peer.New(peers, r))
	}
}
