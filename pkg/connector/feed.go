package connector

import (
	"context"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/source/hook"
	"github.com/mysql-sync/mysql-sync/pkg/source/mesh"
)

// inflow is where rows are pushed to.
type inflow struct {
	feeds  []feed
	meshes []*mesh.Service // some of the feeds
}

// feed is a source that rows are pushed to: it receives them until ctx ends.
type feed struct {
	source string
	run    func(ctx context.Context) error
	hook   *hook.Source // nil: it is none, and receives in another way
}

// feedPause is how long a source that could not go on receiving waits before it begins again.
const feedPause = 10 * time.Second

// receive has all sources that rows are pushed to receive them.
func (c *Connector) receive(ctx context.Context, g *errgroup.Group) {
	for _, f := range c.feeds {
		g.Go(func() error {
			for {
				err := f.run(ctx)
				if ctx.Err() != nil {
					return nil
				}
				c.log.Error("source stopped receiving; it begins again", zap.String("source", f.source), zap.Error(err))
				if pause.For(ctx, feedPause) != nil {
					return nil
				}
			}
		})
	}
}
