package connector

import (
	"context"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/source/hook"
	"github.com/mysql-sync/mysql-sync/pkg/source/mesh"
)

// feed is a source that others push rows to: it receives them until ctx ends.
type feed struct {
	source string
	run    func(ctx context.Context) error
	hook   *hook.Source  // nil: it is none
	mesh   *mesh.Service // likewise
}

// feedPause is how long a source that failed to receive waits before it tries again.
const feedPause = 10 * time.Second

// sweepEvery is how often deleted rows that all jobs have read are forgotten.
const sweepEvery = 24 * time.Hour

// sweep forgets deleted rows that all jobs of their table have read some time ago.
func (c *Connector) sweep(ctx context.Context, f feed) {
	for range pause.Even(ctx, sweepEvery) {
		for _, t := range f.mesh.Tables() {
			upTo, err := c.readFrom(ctx, t, t.Object())
			var b *ledger.Inbox
			if err == nil {
				b, err = t.Inbox(ctx)
			}
			if err == nil {
				err = b.Purge(ctx, upTo, time.Now().Add(-remembered))
			}
			if err != nil && ctx.Err() == nil {
				c.log.Warn("could not forget deleted rows", zap.String("source", f.source), zap.String("table", t.Object()), zap.Error(err))
			}
		}
	}
}

// receive starts all sources that rows are pushed to.
func (c *Connector) receive(ctx context.Context, g *errgroup.Group) {
	for _, f := range c.feeds {
		if f.mesh != nil {
			g.Go(func() error { c.sweep(ctx, f); return nil })
		}
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
