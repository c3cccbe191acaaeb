package node

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// lead makes what leads others, and what follows the node's own hub.
func (w *work) lead(ctx context.Context) error {
	documents, key, err := lead.Documents(ctx, w.DB, w.cfg, w.now())
	if err != nil {
		return err
	}
	w.leads = lead.NewDesk(w.cfg, documents, key, w.now)
	hub := w.cfg.From.Client
	w.follower = lead.NewFollower(lead.FollowerConfig{
		Log: w.log.Named("lead"), Node: w.cfg, Now: w.now, Try: w.host.Try,
		Ready: func() bool { return w.line.Mesh.Online(hub) && w.line.Mesh.SpeaksBatches(hub) },
		Ask: func(ctx context.Context, hub string, has wire.Led) ([]byte, error) {
			return w.verifier.AskLead(ctx, hub, has)
		},
	})
	return nil
}

// Lead answers a site that takes its configuration from this node.
func (w *work) Lead(client string, has wire.Led) ([]byte, error) { return w.leads.Answer(client, has) }
