package fleet

import (
	"context"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/act"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Host is what the office needs from the process that the node runs in; see node.Host.
type Host interface {
	Broker(ctx context.Context, c config.Broker) error
	Restart(ctx context.Context)
	Try(ctx context.Context, signed []byte) error
}

// OfficeConfig configures an Office.
type OfficeConfig struct {
	Log      *zap.Logger
	Node     *config.Config
	DB       *mysqldb.DB
	Now      func() time.Time
	Host     Host
	Presence Presence
	Publish  func(ctx context.Context, m transport.Message) error
	Does     act.Node // what is asked from afar
}

// Office is what a node is to the sites that join it, to those that it leads, to its own hub, and to others that act from afar.
type Office struct {
	Joining  *sites.Desk
	Leads    *lead.Desk
	Follower *lead.Follower
	*act.Desk
}

// OpenOffice returns a node's office. A profile whose content has changed has its new version in the database then.
func OpenOffice(ctx context.Context, c OfficeConfig) (*Office, error) {
	documents, key, err := lead.Documents(ctx, c.DB, c.Node, c.Now())
	if err != nil {
		return nil, err
	}
	hub := c.Node.From.Client
	o := &Office{
		Leads: lead.NewDesk(c.Node, documents, key, c.Now),
		Desk:  act.New(act.Config{Log: c.Log.Named("act"), Node: c.Node, DB: c.DB, Now: c.Now, Does: c.Does}),
		Follower: lead.NewFollower(lead.FollowerConfig{
			Log: c.Log.Named("lead"), Node: c.Node, Now: c.Now, Try: c.Host.Try,
			Ready: func() bool { return c.Presence.Online(hub) && c.Presence.SpeaksBatches(hub) },
		}),
	}
	o.Joining = sites.New(sites.Config{
		Log: c.Log.Named("sites"), Node: c.Node, DB: c.DB, Broker: c.Host.Broker, Changed: c.Host.Restart, LeadKey: key.String(),
		Publish: func(ctx context.Context, topic string, payload []byte) error {
			return c.Publish(ctx, transport.Message{Topic: topic, Payload: payload, QoS: 1})
		},
	})
	return o, nil
}

// Lead answers a site that takes its configuration from this node.
func (o *Office) Lead(client string, has wire.Led) ([]byte, error) {
	return o.Leads.Answer(client, has)
}

// Serve lets sites in, follows the node's hub, and does what is asked from afar, until ctx ends. Call it once.
func (o *Office) Serve(ctx context.Context, ask lead.Ask) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return o.Joining.Run(ctx) })
	g.Go(func() error { return o.Follower.Run(ctx, ask) })
	g.Go(func() error { return o.Desk.Run(ctx) })
	return g.Wait()
}
