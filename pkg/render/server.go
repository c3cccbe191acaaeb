package render

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// server is the Reads of a Renderer, for one Rendering.
type server struct {
	*Renderer
	d *Rendering
}

func (n server) States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	return version.Read(ctx, n.DB, rows)
}

func (n server) Rows(ctx context.Context, t *schema.Table, items []outbox.Item) (map[string][][]byte, []outbox.Item, error) {
	if len(items) == 1 {
		if values, ok := n.Read.take(t, items[0], time.Now()); ok {
			return map[string][][]byte{items[0].Key: values}, items, nil
		}
	}
	found, got, err := n.readRows(ctx, t, items, n.d)
	if n.Tables.SetAside(t.Name, err) {
		return nil, nil, errAside{err}
	}
	if err != nil && mysqldb.SchemaChanged(err) {
		n.Tables.Forget(t.Name)
	}
	return found, got, err
}

func (n server) Uncaptured(ctx context.Context, table string, keys []string) (map[string][]capture.Entry, error) {
	return capture.Uncaptured(ctx, n.DB, n.Source, table, keys)
}

func (n server) Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	return version.Fates(ctx, n.DB, rows)
}

func (n server) Labels(ctx context.Context, rows []change.Row) (map[change.Row]uint32, error) {
	return version.Labels(ctx, n.DB, rows)
}

func (n server) Routed(ctx context.Context, t *schema.Table, keys []string) (map[string]uint32, error) {
	labels, err := n.Renderer.Routes.Read(ctx, n.DB.AtOnce(n.DB), t, keys)
	if n.Tables.SetAside(t.Name, err) { // or a table that it follows
		return nil, errAside{err}
	}
	return labels, err
}
