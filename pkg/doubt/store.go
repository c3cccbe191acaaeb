package doubt

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Store keeps doubts across restarts.
type Store interface {
	// Doubts returns all doubts, and when each was noticed.
	Doubts(ctx context.Context) (map[schema.Doubt]time.Time, error)
	Set(ctx context.Context, x schema.Doubt, at time.Time) error
	End(ctx context.Context, x schema.Doubt) error
	// SetBackAt returns when a restore of the database from a backup was noticed; zero if there was none.
	SetBackAt(ctx context.Context) (time.Time, error)
	ForgetSetBack(ctx context.Context) error
}

// Own is the Store in a node's own tables.
type Own struct{ DB *mysqldb.DB }

func (o Own) Doubts(ctx context.Context) (map[schema.Doubt]time.Time, error) {
	return schema.Doubts(ctx, o.DB)
}

func (o Own) Set(ctx context.Context, x schema.Doubt, at time.Time) error {
	return schema.SetDoubt(ctx, o.DB, x, at)
}

func (o Own) End(ctx context.Context, x schema.Doubt) error { return schema.EndDoubt(ctx, o.DB, x) }

func (o Own) SetBackAt(ctx context.Context) (time.Time, error) { return schema.SetBackAt(ctx, o.DB) }

func (o Own) ForgetSetBack(ctx context.Context) error { return schema.ForgetSetBack(ctx, o.DB) }
